# The results as a research object crate, its audit, and what is made to be deposited.
import snakemake

from barren.provenance.records import project_files, workflow_files


rule assemble_crate:
    input:
        targets=TARGETS,
        records=all_records,
        workflow=[project(path) for path in workflow_files()],
        **needs("assemble_crate", "provenance"),
    output:
        crate=results(layout.CRATE),
        **leaves("assemble_crate"),
    log:
        "<logs>/assemble_crate.log",
    conda:
        "../../envs/provenance.yaml"
    params:
        command=command(
            "provenance",
            "assemble_crate",
            hidden=["records", "workflow"],
            snakemake=snakemake.__version__,
        ),
    message:
        "assembling the research object crate of {config[experiment]}"
    shell:
        "{params.command} 2> {log}"


rule audit:
    input:
        environment=environment("tfq"),
    log:
        "<logs>/audit.log",
    conda:
        "../../envs/tfq.yaml"
    threads: 2
    params:
        python=python("tfq"),
        script=project("scripts/tools/audit.py"),
        results=RESULTS,
        targets=[target.replace("<results>", RESULTS) for target in TARGETS],
        config=json.dumps(config),
    message:
        "auditing the results of {config[experiment]}"
    shell:
        "{params.python} {params.script} {params.results} --targets {params.targets}"
        " --config {params.config:q} 2> {log}"


rule verify:
    input:
        TARGETS,
        experiment=results(layout.EXPERIMENT),
        environment=environment("circuits"),
    log:
        "<logs>/verify.log",
    conda:
        "../../envs/circuits.yaml"
    params:
        python=python("circuits"),
        script=project("scripts/tools/verify.py"),
        results=subpath(input.experiment, parent=True),
    message:
        "comparing the results of {config[experiment]} with the reference"
    shell:
        "{params.python} {params.script} {params.results} 2> {log}"


rule archive_crate:
    input:
        crate=results(layout.CRATE),
        **needs("tools/archive", "circuits"),
    output:
        archive=f"{RESULTS}.crate.zip",
    log:
        "<logs>/archive_crate.log",
    conda:
        "../../envs/circuits.yaml"
    params:
        command=command("circuits", "tools/archive", hidden=["project"]),
    message:
        "packing the crate of {config[experiment]}"
    shell:
        "{params.command} 2> {log}"


use rule archive_crate as archive with:
    input:
        crate=results(layout.CRATE),
        project=lambda _: [project(path) for path in project_files()],
        **needs("tools/archive", "circuits"),
    output:
        archive=f"{RESULTS}.tar.gz",
    log:
        "<logs>/archive.log",
    message:
        "packing {config[experiment]} with all it takes to reproduce it"
