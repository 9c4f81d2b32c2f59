# What an experiment takes, before it is spent.


rule plan:
    input:
        environment=environment(config["engine"]),
    log:
        "logs/plan.log",
    conda:
        f"../../envs/{config['engine']}.yaml"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        python=python(config["engine"]),
        config=json.dumps(config),
        cores=lambda wildcards: workflow.cores,
        calibration=str(calibration()),
    message:
        "timing this machine for some seconds, on one core"
    shell:
        "{params.python} scripts/plan.py --config {params.config:q}"
        " --cores {params.cores} --calibration {params.calibration} 2> {log}"
