rule build_environment:
    output:
        # Not deleted before: another run may have built it meanwhile, and use it.
        marker=update(marker(".venvs/{name}-{digest}")),
    log:
        local("logs/build_environment/{name}-{digest}.log"),
    wildcard_constraints:
        name="|".join(ENVIRONMENTS),
        digest="|".join(venv.rpartition("-")[2] for venv in UNBUILT),
    localrule: True
    message:
        "installing the {wildcards.name} environment"
    run:  # by Snakemake's own Python; uv finds Python 3.11
        shell(
            "{sys.executable:q} {deploy.__file__:q} venv {wildcards.name} > {log:q} 2>&1"
        )
