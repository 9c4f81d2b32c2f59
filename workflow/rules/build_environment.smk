localrules:
    build_environment,


rule build_environment:
    input:
        # The digest tells of another lock; a newer time tells of nothing.
        lock=ancient("envs/{name}.requirements.txt"),
    output:
        marker=".venvs/{name}-{digest}/environment.json",
    log:
        "logs/build_environment/{name}-{digest}.log",
    wildcard_constraints:
        name="[a-z]+",
        digest="[0-9a-f]{12}",
    message:
        "installing the {wildcards.name} environment"
    run:  # by Snakemake's own Python, which looks for Python 3.11
        shell(
            "{sys.executable} scripts/deploy_environment.py"
            " venv {wildcards.name} > {log} 2>&1"
        )
