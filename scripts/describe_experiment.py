import json

from barren.runner import step


def describe_experiment(config: step.Json, experiment: step.Output) -> None:
    """Write the checked configuration of an experiment as JSON."""
    experiment.write_text(json.dumps(config, indent=1) + "\n")


if __name__ == "__main__":
    step.run(describe_experiment)
