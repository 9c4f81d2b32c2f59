localrules:
    build_environment,


rule build_environment:
    output:
        marker=".venvs/{name}-{digest}/environment.json",
    log:
        "logs/build_environment/{name}-{digest}.log",
    wildcard_constraints:
        name="[a-z]+",
        digest="[0-9a-f]{12}",
    message:
        "installing the {wildcards.name} environment"
    run:  # by Snakemake's own Python; uv finds Python 3.11
        shell(
            "{sys.executable} {deploy.__file__:q} venv {wildcards.name} > {log} 2>&1"
        )
