# What is made of the tables: numbers for a manuscript, and the page of the experiment.


report: "../report/workflow.rst"


rule write_paper:
    input:
        experiment=results(layout.EXPERIMENT),
        statistics=results(layout.STATISTICS),
        fits=results(layout.FITS),
        claims=results(layout.CLAIMS),
        **needs("write_paper", "tables"),
    output:
        paper=[results(layout.PAPER.format(table=t)) for t in layout.PAPER_TABLES],
        **leaves("write_paper"),
    log:
        "<logs>/write_paper.log",
    conda:
        "../../envs/tables.yaml"
    params:
        command=command("tables", "write_paper"),
    message:
        "writing numbers and tables as LaTeX"
    shell:
        "{params.command} 2> {log}"


rule write_report:
    input:
        experiment=results(layout.EXPERIMENT),
        statistics=results(layout.STATISTICS),
        fits=results(layout.FITS),
        claims=results(layout.CLAIMS),
        verdict=results(layout.VERDICT),
        figures=[results(f"figures/{figure.name}.svg") for figure in FIGURES],
        template=project("workflow/report/report.html.j2"),
        records=all_records,
        **needs("write_report", "tables"),
    output:
        html=report(
            results(layout.REPORT),
            caption="../report/report.rst",
            category="1. The experiment",
            labels={"Page": "Answer, verdict, figures and numbers"},
        ),
        **leaves("write_report"),
    log:
        "<logs>/write_report.log",
    conda:
        "../../envs/tables.yaml"
    params:
        command=command("tables", "write_report", hidden=["records"], steps=ONCE),
    message:
        "writing the page of {config[experiment]}"
    shell:
        "{params.command} 2> {log}"
