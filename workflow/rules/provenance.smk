# The results as a research object crate, its audit, and what is made to be deposited.
import snakemake

from barren.physics.ensembles import QSIM, TFQ
from barren.provenance.records import project_files, workflow_files


rule assemble_crate:
    input:
        **needs("assemble_crate", "circuits"),
        targets=[*TARGETS, results(layout.REPORT)],
        records=lambda wildcards: [
            *all_records(wildcards),
            results(layout.record("write_report")),
        ],
        workflow=[project(path) for path in workflow_files()],
    output:
        **leaves("assemble_crate"),
        crate=results(layout.CRATE),
    log:
        "<logs>/assemble_crate.log",
    conda:
        "../../envs/circuits.yaml"
    params:
        **command(
            "circuits",
            "assemble_crate",
            hidden=["records", "workflow"],
            steps=[*ONCE, "write_report"],
            snakemake=snakemake.__version__,
        ),
    message:
        f"assembling the research object crate of {config['experiment']}"
    shell:
        "{params.command} 2> {log}"


# What audits and compares lets Snakemake make things again in a folder of its own.
SNAKEMAKE = f"{sys.executable} -m snakemake"
# The engine that checks the other one's gradients.
CHECK = TFQ if config["engine"] == QSIM else QSIM


rule audit:
    input:
        environment=environment(CHECK),
    log:
        "<logs>/audit.log",
    conda:
        f"../../envs/{CHECK}.yaml"
    threads: 2
    params:
        python=python(CHECK),
        script=project("scripts/tools/audit.py"),
        results=where("<results>"),
        targets=[where(target) for target in TARGETS],
        steps=ONCE,
        config=json.dumps(config),
        snakemake=SNAKEMAKE,
        # AUDIT="--budget 600 --seed 7" snakemake audit
        options=os.environ.get("AUDIT", ""),
    message:
        f"auditing the results of {config['experiment']}"
    shell:
        "{params.python} {params.script} {params.results}"
        " --targets {params.targets} --steps {params.steps} --config {params.config:q}"
        " --snakemake {params.snakemake:q} {params.options} 2> {log}"


rule verify:
    input:
        TARGETS,
        reference=reference,
        experiment=results(layout.EXPERIMENT),
        environment=environment("circuits"),
    log:
        "<logs>/verify.log",
    conda:
        "../../envs/circuits.yaml"
    threads: 2
    params:
        python=python("circuits"),
        script=project("scripts/tools/verify.py"),
        results=subpath(input.experiment, parent=True),
        snakemake=SNAKEMAKE,
    message:
        f"comparing the results of {config['experiment']} with the reference"
    shell:
        "{params.python} {params.script} {params.results} --reference {input.reference}"
        " --snakemake {params.snakemake:q} 2> {log}"


rule archive_crate:
    input:
        **needs("tools/archive", "circuits"),
        crate=results(layout.CRATE),
    output:
        archive="<results>.crate.zip",
    log:
        "<logs>/archive_crate.log",
    conda:
        "../../envs/circuits.yaml"
    params:
        **command("circuits", "tools/archive", hidden=["project"]),
    message:
        f"packing the crate of {config['experiment']}"
    shell:
        "{params.command} 2> {log}"


use rule archive_crate as archive with:
    input:
        **needs("tools/archive", "circuits"),
        crate=results(layout.CRATE),
        project=lambda _: [project(path) for path in project_files()],
    output:
        archive="<results>.tar.gz",
    log:
        "<logs>/archive.log",
    message:
        f"packing {config['experiment']} with all it takes to reproduce it"
