# The results as a research object crate, its audit, and what is made to be deposited.
import snakemake

from barren.provenance import workflow_files


include: "records.smk"


rule assemble_crate:
    input:
        targets=TARGETS,
        records=all_records,
        workflow=workflow_files(),
        code=code("assemble_crate"),
        environment=environment("provenance"),
    output:
        crate="<results>/ro-crate-metadata.json",
        sources=directory("<results>/sources"),
        record="<results>/records/assemble_crate.json",
    log:
        "<logs>/assemble_crate.log",
    benchmark:
        "<benchmarks>/assemble_crate.tsv"
    conda:
        "../../envs/provenance.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        python=python("provenance"),
        snakemake=snakemake.__version__,
    message:
        "assembling the research object crate of {config[experiment]}"
    shell:
        "{params.python} scripts/assemble_crate.py --targets {input.targets}"
        " --snakemake {params.snakemake} --crate {output.crate}"
        " --record {output.record} 2> {log}"


rule audit:
    input:
        environment=environment("tfq"),
    log:
        "<logs>/audit.log",
    conda:
        "../../envs/tfq.yaml"
    threads: 2
    resources:
        mem_mb=2000,
    params:
        python=python("tfq"),
        results=RESULTS,
        targets=target_files(),
        config=json.dumps(config),
    message:
        "auditing the results of {config[experiment]}"
    shell:
        "{params.python} scripts/audit.py {params.results} --targets {params.targets}"
        " --config {params.config:q} 2> {log}"


rule verify:
    input:
        TARGETS,
        experiment="<results>/experiment.json",
        environment=environment("circuits"),
    log:
        "<logs>/verify.log",
    conda:
        "../../envs/circuits.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        python=python("circuits"),
        results=subpath(input.experiment, parent=True),
    message:
        "comparing the results of {config[experiment]} with the reference"
    shell:
        "{params.python} scripts/verify.py {params.results} 2> {log}"


rule archive_crate:
    input:
        crate="<results>/ro-crate-metadata.json",
        code=code("archive_experiment"),
        environment=environment("circuits"),
    output:
        archive=f"{RESULTS}.crate.zip",
    log:
        "<logs>/archive_crate.log",
    conda:
        "../../envs/circuits.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        python=python("circuits"),
        results=subpath(input.crate, parent=True),
    message:
        "packing the crate of {config[experiment]}"
    shell:
        "{params.python} scripts/archive_experiment.py --folder {params.results}"
        " --archive {output.archive} 2> {log}"


rule archive:
    input:
        crate="<results>/ro-crate-metadata.json",
        code=code("archive_experiment"),
        environment=environment("circuits"),
    output:
        archive=f"{RESULTS}.tar.gz",
    log:
        "<logs>/archive.log",
    conda:
        "../../envs/circuits.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        python=python("circuits"),
        results=subpath(input.crate, parent=True),
    message:
        "packing {config[experiment]} with all it takes to reproduce it"
    shell:
        "{params.python} scripts/archive_experiment.py --folder {params.results}"
        " --archive {output.archive} 2> {log}"
