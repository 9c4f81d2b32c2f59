# The figures, each as PDF, SVG and PNG with its source data as CSV.


def shown(path, figure):
    """A file of a figure; the report shows the SVG, captioned."""
    if not path.endswith(".svg"):
        return path
    options = {"category": "2. Figures", "labels": {"Figure": figure.title}}
    return report(path, caption=caption(figure), **options)


def reported(figures):
    """The files of some figures, as outputs."""
    return [shown(results(name), f) for f in figures for name in layout.figure(f.name)]


rule plot_variance:
    input:
        experiment=results(layout.EXPERIMENT),
        statistics=results(layout.STATISTICS),
        theory=results(layout.THEORY),
        fits=results(layout.FITS),
        **needs("plot_variance", "plot"),
    output:
        figures=reported(CURVES),
        **leaves("plot_variance"),
    log:
        "<logs>/plot_variance.log",
    conda:
        "../../envs/plot.yaml"
    params:
        command=command("plot", "plot_variance"),
    message:
        "plotting the gradient variances"
    shell:
        "{params.command} 2> {log}"


rule draw_circuits:
    input:
        circuits=[
            results(layout.circuit(shown.program))
            for shown in EXPERIMENT.displayed
            if shown.program in EXPERIMENT.own_circuits
        ],
        **needs("draw_circuits", "plot"),
    output:
        figures=reported(DRAWINGS),
        **leaves("draw_circuits"),
    log:
        "<logs>/draw_circuits.log",
    conda:
        "../../envs/plot.yaml"
    params:
        command=command(
            "plot",
            "draw_circuits",
            ensembles=json.dumps([shown.spec() for shown in EXPERIMENT.displayed]),
            seed=config["seed"],
            stream=config["stream"],
            skips=json.dumps(EXPERIMENT.skips if config["stream"] == NOTEBOOK else {}),
        ),
    message:
        "drawing the circuits"
    shell:
        "{params.command} 2> {log}"
