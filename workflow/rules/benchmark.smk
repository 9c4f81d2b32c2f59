# The workflow measured against what a user could do instead; nothing of it in `all`.
import sys

# One job measures in several environments in turn, so by venvs, whoever deploys the rest.
MEASURED = {name: venv_prefix(name) for name in ENVIRONMENTS if name != "test"}


rule benchmark:
    input:
        code=code("benchmark") + code("benchmark_worker") + code("run_tutorial"),
        environment=environment("plot"),
        venvs=ancient([f"{prefix}/environment.json" for prefix in MEASURED.values()]),
    output:
        multiext("results/benchmark/benchmark", ".md", ".pdf", ".svg", ".png", ".csv"),
        measurements="results/benchmark/measurements.csv",
        ratios="results/benchmark/ratios.csv",
    log:
        "logs/benchmark.log",
    conda:
        "../../envs/plot.yaml"
    threads: lambda wildcards: workflow.cores
    resources:
        mem_mb=4000,
    params:
        python=python("plot"),
        folder=subpath(output.ratios, parent=True),
        tfq=MEASURED["tfq"] / "bin" / "python",
        qsim=MEASURED["qsim"] / "bin" / "python",
        peers=MEASURED["benchmark"] / "bin" / "python",
        snakemake=f"{sys.executable} -m snakemake",
    message:
        "measuring against other simulators and the tutorial's script"
    shell:
        "{params.python} scripts/benchmark.py --tfq {params.tfq}"
        " --qsim {params.qsim} --peers {params.peers} --snakemake {params.snakemake:q}"
        " --cores {threads} --folder {params.folder} 2> {log}"
