"""What a run prints by itself."""

from pathlib import Path

from conftest import run_in

EXPERIMENT = "results/tutorial/experiment.json"


def test_a_run_says_what_happens_and_how_far_it_is(project: Path) -> None:
    said = run_in(project)(EXPERIMENT).stderr
    assert "writing down the configuration of tutorial" in said
    assert "1 of 1 steps (100%) done" in said
    # Neither the machine nor pages of reasons.
    assert "Host:" not in said
    assert "Reason:" not in said


def test_a_failed_job_shows_its_log(project: Path) -> None:
    script = project / "scripts" / "describe_experiment.py"
    script.write_text(script.read_text() + 'raise SystemExit("planted: line 1")\n')
    done = run_in(project)(EXPERIMENT, check=False)
    assert done.returncode != 0
    # The line itself, and the file that has it.
    assert "\nplanted: line 1\n" in done.stderr
    assert "logs/tutorial/describe_experiment.log" in done.stderr
    assert not (project / EXPERIMENT).exists()
