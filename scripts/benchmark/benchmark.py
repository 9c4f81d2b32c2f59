"""Measure this workflow against what a user could do instead, side by side.

Each simulator runs in its own environment, in processes that this one starts and asks
in turn, repetition by repetition, so that a disturbance of the machine meets all alike.
Every gradient goes from the same axes and angles to numbers. Engines are compared by
core seconds: wall time × threads, at the number of threads that suits each best.
"""

import argparse
import io
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from barren.analysis.style import COLOURS, MARKERS, PAGE_WIDTH, STYLE, save
from barren.physics.ensembles import QSIM, TFQ
from barren.physics.families import Random
from barren.physics.gradients import ADJOINT, AUTO, choose_differentiator
from barren.runner import step
from barren.runner.layout import FORMATS
from peers import ANSATZ_PEERS, OURS, PEERS, named

FOLDER = Path(__file__).resolve().parent
PARTS = ("experiment", "sampling", "gradients", "ansatz", "growth")
#: The default experiment is run in a copy of the project without these.
LEFT_OUT = (".git", ".snakemake", ".venv", ".venvs", ".*_cache", "results", "logs")
DEPTH = 50
#: Our jobs share the cores; lightning.qubit has a thread for each observable.
ONE_THREAD = (QSIM, "lightning.qubit")
AMPLITUDE = 8  # bytes, complex64
#: Relative error of a sampled variance that the exact one is compared with.
ERROR = 0.05
#: Ratios to reach, lower is better.
TARGETS = {
    "default experiment, to the tutorial's script": 0.08,
    "default experiment, to an expert's script": 2.2,
    "sampling and serialising, n = 12": 0.02,
    **{f"gradient, n = {n}": 0.5 for n in (4, 8, 12, 16, 18, 20)},
    "peak memory at n = 20, state vectors per thread": 4.0,
    "audit, share of the default run": 0.5,
    "gradients by all parameters, n = 8": 0.5,
    "exact variances, to sampling them to 5 %": 0.1,
}


#: Ratios of one part of the measurements.
Ratios = Iterator[dict[str, Any]]


class Worker:
    """A process in one of the environments that does jobs and times them."""

    def __init__(self, python: Path, threads: int) -> None:
        limits = {"OMP_NUM_THREADS": str(threads), "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            [python, "-s", "-E", FOLDER / "benchmark_worker.py"],
            env=os.environ | limits,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, job: str, **request: Any) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        print(
            json.dumps({"job": job} | request),
            file=self.process.stdin,
            flush=True,
        )
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"benchmark: {job} {str(request)[:200]} ended its worker")
        done: dict[str, Any] = json.loads(answer)
        return done

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


class Benchmark:
    """The measurements so far, a row each, and what makes them."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.tfq: Path = args.tfq
        self.qsim: Path = args.qsim
        self.peers: Path = args.peers
        self.snakemake: list[str] = shlex.split(args.snakemake)
        self.quick: bool = args.quick
        self.repetitions = 2 if args.quick else args.repetitions
        self.cores: int = args.cores
        self.rows: list[dict[str, Any]] = []

    def add(self, part: str, what: str, engine: str = "", **values: Any) -> None:
        row = {"part": part, "what": what, "engine": engine} | values
        self.rows.append(row)
        shown = (f"{key} {value}" for key, value in row.items() if key != "values")
        print(", ".join(shown), file=sys.stderr, flush=True)

    def experiment(self) -> None:
        """The default experiment and what others would run, and where time goes."""
        circuits = 10 if self.quick else 200
        scripts: list[tuple[Any, ...]]
        for repetition in range(1 if self.quick else 6):
            with TemporaryDirectory() as folder:
                self._run(circuits, repetition, Path(folder, "copy"))
            scripts = [("expert", self.peers, "--cores", str(self.cores))]
            if repetition < 2:  # it takes minutes
                scripts.append(("tutorial", self.tfq))
            for name, python, *more in scripts:
                script = [str(python), "-s", "-E", str(FOLDER / f"run_{name}.py")]
                seconds = _wall([*script, "--circuits", str(circuits), *more])
                what: dict[str, Any] = {"engine": name, "repetition": repetition}
                self.add("experiment", "default experiment", seconds=seconds, **what)
        self._profile(circuits)

    def _run(self, circuits: int, repetition: int, copy: Path) -> None:
        """The default experiment in a copy of the project, and its audit."""
        shutil.copytree(".", copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        (copy / ".venvs").symlink_to(Path(".venvs").absolute())
        run = [*self.snakemake, "--cores", str(self.cores), "--quiet", "all"]
        run += ["--config", f"samples={circuits}", "--"]
        what: dict[str, Any] = {"engine": "workflow", "repetition": repetition}
        seconds = _wall([*run, "all"], copy)
        self.add("experiment", "default experiment", seconds=seconds, **what)
        audit = _wall([*run, "audit"], copy)
        self.add("experiment", "audit", seconds=audit, **what)
        (records,) = copy.glob("results/*/records")
        jobs = _jobs(records)
        rest = self.cores * seconds - sum(wall for _, wall in jobs)
        for name, wall in [*jobs, ("Snakemake_and_idle_cores", rest)]:
            self.add("experiment", "job", name, seconds=wall, repetition=repetition)

    def _profile(self, circuits: int) -> None:
        """The default run's sampling and gradients, step by step in one process."""
        spent: dict[str, float] = defaultdict(float)
        with Worker(self.tfq, 1) as ask:
            job = {"job": "gradient", "engine": ADJOINT, "setting": ADJOINT}
            start = ask(**job, ensemble=_ensemble(2), samples=1)
            spent["load TensorFlow and its kernels, each process"] = start["cpu"]
            # Two qubits are parsed like any others and simulated in no time.
            parse = ask(**job, ensemble=_ensemble(2), samples=circuits)["cpu"]
            parse /= circuits * Random(width=2, depth=DEPTH).gates
            for width in (4, 6, 8, 10, 12):
                name = _ensemble(width)
                drawn = ask("draw", ensemble=name, samples=circuits)
                spent["sample"] += drawn["result"]["sample"]
                spent["serialise"] += drawn["result"]["serialise"]
                written = ask("store", ensemble=name, samples=circuits)
                spent["write"] += written["cpu"]
                done = ask(**job, ensemble=name, samples=circuits)["cpu"]
                done -= drawn["result"]["serialise"]
                parsed = parse * circuits * named(name).gates
                spent["parse"] += parsed
                spent["simulate"] += done - parsed
        for what, cpu in spent.items():
            self.add("experiment", "random family, one process", what, cpu=cpu)

    def sampling(self) -> None:
        """Circuits drawn and serialised, by this workflow and by Cirq."""
        name = _ensemble(4 if self.quick else 12)
        ours, theirs = (20, 5) if self.quick else (200, 50)
        with Worker(self.tfq, 1) as ask:
            ask("draw", ensemble=name, samples=2)
            ask("draw_with_cirq", ensemble=name, samples=1)
            for repetition in range(2 if self.quick else 4):
                for engine, job, count in (
                    ("workflow", "draw", ours),
                    ("Cirq, convert_to_tensor", "draw_with_cirq", theirs),
                ):
                    done = ask(job, ensemble=name, samples=count)
                    self.add(
                        "sampling",
                        name,
                        engine,
                        repetition=repetition,
                        circuits=count,
                        milliseconds=1e3 * done["seconds"] / count,
                    )

    def gradients(self) -> None:
        """The gradient of one symbol per circuit, by every engine."""
        sizes = (4, 8) if self.quick else (4, 8, 12, 16, 18, 20)
        budget = 0.1 if self.quick else 0.7  # seconds a measurement should take
        threads = sorted({1, self.cores})
        pythons = dict.fromkeys(OURS, self.tfq) | dict.fromkeys(PEERS, self.peers)
        pythons[QSIM] = self.qsim
        workers = {
            (python, count): Worker(python, count)
            for python in set(pythons.values())
            for count in threads
        }
        for width in sizes:
            name = _ensemble(width)
            asked: dict[str, tuple[str, float]] = {}
            for engine, (_, settings) in (OURS | PEERS).items():
                ask = workers[pythons[engine], 1]
                tried = []
                for setting in settings:
                    job = {"ensemble": name, "engine": engine, "setting": setting}
                    if width < 18:  # the first call is slower
                        ask("gradient", samples=1, **job)
                    done = ask("gradient", samples=1 if width > 12 else 4, **job)
                    tried.append((done["seconds"] / len(done["result"]), setting))
                seconds, best = min(tried)
                asked[engine] = best, seconds
            for repetition in range(self.repetitions):
                for engine, (setting, expected) in asked.items():
                    for count in threads:
                        if count > 1 and engine in ONE_THREAD:
                            continue
                        most = 200 if engine in OURS else 100
                        samples = round(budget * count / expected)
                        samples = max(2, count, min(most, samples))
                        done = workers[pythons[engine], count](
                            "gradient",
                            ensemble=name,
                            samples=samples,
                            engine=engine,
                            setting=setting,
                        )
                        self.add(
                            "gradients",
                            name,
                            engine,
                            setting=setting,
                            width=width,
                            threads=count,
                            repetition=repetition,
                            circuits=samples,
                            milliseconds=1e3 * count * done["seconds"] / samples,
                            values=done["result"],
                        )
        for worker in workers.values():
            worker.__exit__()
        self._differences()

    def _differences(self) -> None:
        """Put the largest difference to qulacs, in double precision, beside times."""
        rows = [row for row in self.rows if row["part"] == "gradients"]
        exact: dict[str, list[float]] = defaultdict(list)
        for row in rows:
            if row["engine"] == "qulacs":
                exact[row["what"]] = max(exact[row["what"]], row["values"], key=len)
        for row in rows:
            pairs = zip(exact[row["what"]], row.pop("values"), strict=False)
            row["difference"] = max(abs(a - b) for a, b in pairs)

    def ansatz(self) -> None:
        """Gradients by all parameters of an ansatz; its exact variances."""
        size = {"width": 4, "depth": 2} if self.quick else {"width": 8, "depth": 32}
        samples = 10 if self.quick else 200
        pythons = {TFQ: self.tfq, QSIM: self.qsim}
        pythons |= dict.fromkeys(ANSATZ_PEERS, self.peers)
        workers = {python: Worker(python, 1) for python in set(pythons.values())}
        built = workers[self.tfq]("build_ansatz", **size)["result"]
        settings = {name: ANSATZ_PEERS[name][1] for name in ANSATZ_PEERS}
        for engine, python in pythons.items():
            for how in settings.get(engine, ("",)):
                job = {"built": built, "engine": engine, "how": how, **size}
                workers[python]("ansatz_gradients", samples=1, **job)
        workers[self.tfq]("ansatz_variances", built=built, **size)
        for repetition in range(self.repetitions):
            for engine, python in pythons.items():
                for how in settings.get(engine, ("",)):
                    job = {"built": built, "engine": engine, "how": how, **size}
                    count = samples // 10 if engine in PEERS else samples
                    done = workers[python]("ansatz_gradients", samples=count, **job)
                    values = pd.DataFrame(done["result"])
                    kurtosis = values.kurt().median() + 3
                    self.add(
                        "ansatz",
                        "all parameters",
                        engine,
                        setting=how,
                        repetition=repetition,
                        circuits=count,
                        milliseconds=1e3 * done["seconds"] / count,
                        # A variance's relative error is sqrt((kurtosis - 1) / samples).
                        seconds=done["seconds"] * (kurtosis - 1) / ERROR**2 / count,
                    )
            done = workers[self.tfq]("ansatz_variances", built=built, **size)
            self.add("ansatz", "exact", seconds=done["seconds"], repetition=repetition)
        for worker in workers.values():
            worker.__exit__()

    def growth(self) -> None:
        """Time with depth, samples and cores; disk and peak memory with width."""
        engine = choose_differentiator(AUTO, 8)
        job = {"engine": engine, "setting": engine}
        points = [("depth", _ensemble(8, depth), 50) for depth in (10, 50, 100, 200)]
        points += [("samples", _ensemble(8), count) for count in (1, 10, 100, 1000)]
        if self.quick:
            points = points[:2]
        counts = sorted({1, self.cores})
        workers = {count: Worker(self.tfq, count) for count in counts}
        for repetition in range(self.repetitions):
            for what, name, samples in points:
                for count, ask in workers.items():
                    if repetition == 0:
                        ask("gradient", ensemble=name, samples=1, **job)
                    done = ask("gradient", ensemble=name, samples=samples, **job)
                    self.add(
                        "growth",
                        f"{what}: {name}",
                        engine,
                        threads=count,
                        repetition=repetition,
                        circuits=samples,
                        milliseconds=1e3 * done["seconds"] / samples,
                    )
        for width in (4, 8, 12, 16, 20):
            name, samples = _ensemble(width), 50
            stored = workers[1]("store", ensemble=name, samples=samples)
            self.add(
                "growth", f"disk: {name}", bytes_per_circuit=stored["result"] / samples
            )
        for worker in workers.values():
            worker.__exit__()
        wide = 12 if self.quick else 20
        engine = choose_differentiator(AUTO, 20)
        job = {"engine": engine, "setting": engine}
        for count in counts:
            with Worker(self.tfq, count) as ask:
                # One circuit more than threads: with one alone, TensorFlow Quantum
                # would split the circuit and not the batch.
                start = ask(
                    "gradient", ensemble=_ensemble(4, 3), samples=count + 1, **job
                )
                end = ask(
                    "gradient", ensemble=_ensemble(wide, 3), samples=count + 1, **job
                )
            vectors = (end["peak"] - start["peak"]) / (AMPLITUDE * 2**wide * count)
            self.add(
                "growth",
                "peak memory",
                engine,
                width=wide,
                threads=count,
                state_vectors_per_thread=vectors,
            )


def ratios(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """This workflow against the best alternative: the targets, and whether reached."""
    table = pd.DataFrame(rows)
    found = [
        ratio
        for name, judged in JUDGED.items()
        for ratio in judged(table[table["part"] == name])
    ]
    result = pd.DataFrame(found)
    result["reach"] = result["work"].map(TARGETS)
    reached = result["ratio"] <= result["reach"]
    result["reached"] = reached.map({True: "yes", False: "no"})
    result.loc[result["reach"].isna(), "reached"] = ""
    return result


def _of_experiment(whole: pd.DataFrame) -> Ratios:
    if not len(whole):
        return
    groups = whole.groupby(["what", "engine"])["seconds"]
    seconds = {key: list(group) for key, group in groups}
    ours = seconds["default experiment", "workflow"]
    for name, script in (
        ("tutorial", "the tutorial's script"),
        ("expert", "an expert's script"),
    ):
        theirs = seconds["default experiment", name]
        yield _ratio(f"default experiment, to {script}", ours, script, theirs)
    audits = seconds["audit", "workflow"]
    yield _ratio("audit, share of the default run", audits, "the run", ours)


def _of_sampling(drawn: pd.DataFrame) -> Ratios:
    groups = drawn.groupby("engine")["milliseconds"] if len(drawn) else ()
    times = {str(engine): list(of) for engine, of in groups}
    for name in {*times} - {"workflow"}:
        width = named(drawn["what"].iloc[0]).width
        work = f"sampling and serialising, n = {width}"
        yield _ratio(work, times["workflow"], name, times[name])


def _of_gradients(measured: pd.DataFrame) -> Ratios:
    for width in sorted(set(measured.get("width", ()))):
        group = measured[measured["width"] == width]
        times = {}
        for engine, one in group.groupby("engine"):
            runs = [list(g) for _, g in one.groupby("threads")["milliseconds"]]
            times[str(engine)] = min(runs, key=median)
        peer = min(PEERS, key=lambda name: median(times[name]))
        auto = choose_differentiator(AUTO, int(width))
        for engine, ours in {TFQ: times[auto], QSIM: times[QSIM]}.items():
            work = f"gradient, n = {int(width)}"
            yield _ratio(work, ours, peer, times[peer], engine)


def _of_ansatz(own: pd.DataFrame) -> Ratios:
    times: dict[str, list[float]] = {}
    for keys, one in own.groupby(["engine", "setting"]) if len(own) else ():
        engine = str(keys[0])
        runs = [times[engine]] if engine in times else []
        times[engine] = min([*runs, list(one["milliseconds"])], key=median)
    if not times:
        return
    peer = min(ANSATZ_PEERS, key=lambda name: median(times[name]))
    for engine in (TFQ, QSIM):
        work = "gradients by all parameters, n = 8"
        yield _ratio(work, times[engine], peer, times[peer], engine)
    exact = list(own[own["what"] == "exact"]["seconds"])
    sampled = [list(own[own["engine"] == of]["seconds"]) for of in (TFQ, QSIM)]
    work = "exact variances, to sampling them to 5 %"
    yield _ratio(work, exact, "sampling", min(sampled, key=median))


def _of_growth(growth: pd.DataFrame) -> Ratios:
    vectors = growth.get("state_vectors_per_thread", pd.Series()).dropna()
    if len(vectors):
        wide = growth["width"].max()
        work = f"peak memory at n = {wide:.0f}, state vectors per thread"
        yield _ratio(work, [vectors.max()], "", [1.0])


JUDGED = {
    "experiment": _of_experiment,
    "sampling": _of_sampling,
    "gradients": _of_gradients,
    "ansatz": _of_ansatz,
    "growth": _of_growth,
}


def figure(rows: Iterable[dict[str, Any]]) -> tuple[Figure, pd.DataFrame]:
    """Core time of a gradient against width, and the jobs of the default run."""
    table = pd.DataFrame(rows)
    times = table[table["part"] == "gradients"]
    source = times.groupby(["engine", "width", "threads"])["milliseconds"]
    spread = source.agg(["median", "min", "max"]).reset_index()
    with rc_context(STYLE):
        drawing = Figure(figsize=(PAGE_WIDTH, 3.0), layout="constrained")
        left, right = drawing.subplots(1, 2)
        for number, engine in enumerate((*OURS, *PEERS)):
            one = spread[spread["engine"] == engine]
            best = one.loc[one.groupby("width")["median"].idxmin()]
            middle = best["median"]
            label = {QSIM: "this workflow, engine: qsim"}.get(engine, engine)
            if engine in OURS and engine != QSIM:
                label = f"TensorFlow Quantum, {engine}"
            left.errorbar(
                best["width"],
                middle,
                yerr=[middle - best["min"], best["max"] - middle],
                fmt=MARKERS[number] + ("-" if engine in OURS else "--"),
                color=COLOURS[number],
                label=label.replace("_", " "),
            )
        left.set(yscale="log", xlabel="width (qubits)", ylabel="core ms per gradient")
        left.set_xticks(sorted(spread["width"].unique()))
        drawing.legend(loc="outside upper left", ncols=3)
        jobs = table[table["what"] == "job"]
        if len(jobs):
            sums = jobs.groupby("engine")["seconds"].sum().sort_values()
            sums /= jobs["repetition"].nunique()
            right.barh(sums.index.str.replace("_", " "), sums, color=COLOURS[0])
            right.set_xlabel("wall seconds of the jobs, summed")
        else:
            right.set_axis_off()
    return drawing, spread


def document(rows: list[dict[str, Any]], machine: dict[str, Any]) -> str:
    """The tables for a reader, as Markdown."""
    table = pd.DataFrame(rows)
    text = io.StringIO()
    print("# Benchmark\n", file=text)
    for key, value in machine.items():
        print(f"- {key}: {value}", file=text)
    print("\n## Ratios, lower is better\n", file=text)
    _markdown(ratios(rows), text)
    times = table[table["part"] == "gradients"]
    if len(times):
        print("\n## A gradient, core milliseconds per circuit\n", file=text)
        keys = ["width", "engine", "setting", "threads"]
        groups = times.groupby(keys)
        spread = groups["milliseconds"].agg(["median", "min", "max"])
        spread["circuits"] = groups["circuits"].max()
        spread["difference"] = groups["difference"].max().map("{:.0e}".format)
        _markdown(spread.reset_index(), text)
    for name, title in (
        ("experiment", "The default experiment (wall and CPU seconds)"),
        ("sampling", "Sampling and serialising"),
        ("ansatz", "All parameters of an ansatz (wall milliseconds per circuit)"),
        ("growth", "Growth (wall milliseconds per circuit)"),
    ):
        of = table[table["part"] == name].dropna(axis="columns", how="all")
        if len(of):
            print(f"\n## {title}\n", file=text)
            keys = ["what", "engine", "setting", "threads", "circuits"]
            keys = [key for key in keys if key in of]
            if name == "experiment":  # a rule's jobs are summed
                each = of.groupby([*keys, "repetition"], dropna=False, sort=False)
                of = each.sum(numeric_only=True, min_count=1).reset_index()
            groups = of.groupby(keys, dropna=False, sort=False)
            values = groups.median(numeric_only=True).reset_index()
            _markdown(values.drop(columns="repetition", errors="ignore"), text)
    return text.getvalue()


def describe() -> dict[str, Any]:
    """The machine, as far as times depend on it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": datetime.now().date().isoformat(),
        "processor": step.processor(),
        "cores": os.cpu_count(),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "load before the run": f"{os.getloadavg()[0]:.1f}",
    }


def _ensemble(width: int, depth: int = DEPTH) -> str:
    return Random(width=width, depth=depth).name


def _wall(command: list[str], folder: Path = Path()) -> float:
    environment = os.environ | {"DEPLOYER": "venv"}
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL
    )
    if done.returncode:
        sys.exit(f"benchmark: {shlex.join(command)} failed")
    return time.perf_counter() - start


def _jobs(folder: Path) -> list[tuple[str, float]]:
    """Step and wall seconds of every job, by its record."""
    jobs = []
    for path in sorted(folder.rglob("*.json")):
        record = json.loads(path.read_text())
        start, end = (datetime.fromisoformat(record[at]) for at in ("start", "end"))
        jobs.append((record["step"], (end - start).total_seconds()))
    return jobs


def _ratio(
    work: str, ours: list[float], name: str, theirs: list[float], engine: str = ""
) -> dict[str, Any]:
    """The ratio of medians, and its bounds from the extremes of both."""
    return {
        "work": work,
        "engine": engine,
        "ratio": median(ours) / median(theirs),
        "best alternative": name,
        "low": min(ours) / max(theirs),
        "high": max(ours) / min(theirs),
    }


def _markdown(table: pd.DataFrame, text: io.StringIO) -> None:
    def cell(value: Any) -> str:
        if isinstance(value, float):
            return "" if value != value else f"{value:.3g}"
        return str(value)

    print("|", " | ".join(table.columns), "|", file=text)
    print("|", " | ".join("---" for _ in table.columns), "|", file=text)
    for row in table.itertuples(index=False):
        print("|", " | ".join(map(cell, row)), "|", file=text)


def main() -> None:
    """Measure, and write the table, the document and the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tfq", type=Path, required=True, help="Python with TFQ")
    parser.add_argument("--qsim", type=Path, required=True, help="Python with qsim")
    parser.add_argument("--peers", type=Path, required=True, help="Python with peers")
    parser.add_argument("--snakemake", required=True, help="command of Snakemake")
    parser.add_argument("--cores", type=int, required=True)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try it")
    parser.add_argument("--folder", type=Path, required=True, help="where results go")
    args = parser.parse_args()
    machine = describe()
    benchmark = Benchmark(args)
    for part in args.parts:
        getattr(benchmark, part)()
    args.folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(benchmark.rows)
    table.to_csv(args.folder / "measurements.csv", index=False, float_format="%.6g")
    ratios(benchmark.rows).to_csv(
        args.folder / "ratios.csv", index=False, float_format="%.4g"
    )
    text = document(benchmark.rows, machine)
    (args.folder / "benchmark.md").write_text(text)
    if "gradients" in args.parts:
        drawing, source = figure(benchmark.rows)
        paths = [args.folder / f"benchmark.{form}" for form in FORMATS]
        save(drawing, source, paths)
    print(text)


if __name__ == "__main__":
    main()
