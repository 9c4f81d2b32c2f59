# The results as a research object crate, its audit, and what is made to be deposited.
import snakemake


rule assemble_crate:
    input:
        **needs("assemble_crate", "tables"),
        targets=[*TARGETS, results(layout.REPORT)],
        records=records_of(*BEFORE, "write_report"),
        workflow=[project(path) for path in workflow_files()],
    output:
        **leaves("assemble_crate", "crate"),
    log:
        "<logs>/assemble_crate.log",
    conda:
        "../../envs/tables.yaml"
    params:
        steps=[*BEFORE, "write_report"],
        snakemake=snakemake.__version__,
    message:
        f"assembling the research object crate of {config['experiment']}"
    shell:
        command("assemble_crate", "tables")


# What audits and compares asks Snakemake which jobs there are.
SNAKEMAKE = shlex.join([sys.executable, "-m", "snakemake"])
EXAMINED = {"config": as_json(config), "snakemake": SNAKEMAKE}


rule audit:
    input:
        **needs("tools/audit", "audit"),
    log:
        "<logs>/audit.log",
    conda:
        "../../envs/audit.yaml"
    threads: 2
    params:
        **EXAMINED,
        folder=where(RESULTS),
    message:
        f"auditing the results of {config['experiment']}"
    shell:
        # AUDIT="--budget 600 --seed 7" snakemake audit
        f"{command('tools/audit', 'audit')} {os.environ.get('AUDIT', '')}"


rule verify:
    input:
        # More than it compares, so that an audit holds after it.
        EVERYTHING,
        **needs("tools/verify", "audit", "experiment"),
        reference=reference,
    log:
        "<logs>/verify.log",
    conda:
        "../../envs/audit.yaml"
    threads: 2
    params:
        **EXAMINED,
        folder=subpath(input.experiment, parent=True),
    message:
        f"comparing the results of {config['experiment']} with the reference"
    shell:
        command("tools/verify", "audit")


rule archive_crate:
    input:
        **needs("tools/archive", "circuits", "crate"),
        functions=[local(path) for path in EXPERIMENT.functions],
    output:
        archive=f"{RESULTS}.crate.zip",
    log:
        "<logs>/archive_crate.log",
    conda:
        "../../envs/circuits.yaml"
    message:
        f"packing the crate of {config['experiment']}"
    shell:
        command("tools/archive", "circuits")


use rule archive_crate as archive with:
    input:
        **needs("tools/archive", "circuits", "crate"),
        functions=[local(path) for path in EXPERIMENT.functions],
        project=project_to_pack,
    output:
        archive=f"{RESULTS}.tar.gz",
    log:
        "<logs>/archive.log",
    message:
        f"packing {config['experiment']} with all it takes to reproduce it"
