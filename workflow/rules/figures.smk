# The figures, each as PDF, SVG and PNG with its source data as CSV.


rule plot_variance:
    input:
        statistics="<results>/tables/statistics.csv",
        theory="<results>/tables/theory.csv",
        fits="<results>/tables/fits.csv",
        code=code("plot_variance"),
        environment=environment("plot"),
    output:
        figures=reported(variance_figures()),
        record="<results>/records/plot_variance.json",
    log:
        "<logs>/plot_variance.log",
    benchmark:
        "<benchmarks>/plot_variance.tsv"
    conda:
        "../../envs/plot.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        python=python("plot"),
        setting=setting(),
    message:
        "plotting the gradient variances"
    shell:
        "{params.python} scripts/plot_variance.py --statistics {input.statistics}"
        " --theory {input.theory} --fits {input.fits} --figures {output.figures}"
        " --record {output.record} 2> {log}"


rule draw_circuits:
    input:
        batches=[f"<results>/batches/{e.name}/0-0.npz" for e in DISPLAYED],
        code=code("draw_circuits"),
        environment=environment("plot"),
    output:
        figures=reported(f"circuit_{e.family}" for e in DISPLAYED),
        record="<results>/records/draw_circuits.json",
    log:
        "<logs>/draw_circuits.log",
    benchmark:
        "<benchmarks>/draw_circuits.tsv"
    conda:
        "../../envs/plot.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        python=python("plot"),
        ensembles=[e.name for e in DISPLAYED],
        seed=config["seed"],
    message:
        "drawing the circuits"
    shell:
        "{params.python} scripts/draw_circuits.py --ensembles {params.ensembles}"
        " --batches {input.batches} --seed {params.seed} --figures {output.figures}"
        " --record {output.record} 2> {log}"
