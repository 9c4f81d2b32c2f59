# The results as a research object crate, its audit, and what is made to be deposited.
import snakemake

from barren.provenance import workflow_files

RESULTS = f"results/{config['experiment']}"


def all_records(_):
    """The record of every job behind the targets."""
    records = ["describe_experiment", "gather_gradients", "summarise_gradients"]
    records += ["judge_claims", "plot_variance", "draw_circuits"]
    records += [f"sample_circuits/{e.name}/0-0" for e in DISPLAYED]
    for first, last in batches(config["samples"], config["batch_size"]):
        for e in sampled(config):
            records.append(f"sample_circuits/{e.name}/{first}-{last}")
        for width in widths(sampled(config)):
            records.append(f"compute_gradients/width-{width}_samples-{first}-{last}")
    records += [f"predict_ensembles/width-{width}" for width in widths(expand(config))]
    return [f"<results>/records/{record}.json" for record in records]


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
        targets=[
            path.replace("<results>", RESULTS)
            for path in (*TARGETS, "<results>/agreement.txt")
        ],
        config=json.dumps(config),
    message:
        "auditing the results of {config[experiment]}"
    shell:
        "{params.python} scripts/audit.py {params.results} --targets {params.targets}"
        " --config {params.config:q} 2> {log}"
