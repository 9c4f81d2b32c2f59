# What is made of the tables: numbers for a manuscript, and the page of the experiment.


report: "../report/workflow.rst"


# What both read.
READ = ("experiment", "statistics", "fits", "claims")


rule write_paper:
    input:
        **needs("write_paper", "tables", *READ),
    output:
        **leaves("write_paper"),
        paper=[results(name) for name in layout.PAPER],
    log:
        "<logs>/write_paper.log",
    conda:
        "../../envs/tables.yaml"
    message:
        "writing numbers and tables as LaTeX"
    shell:
        command("write_paper", "tables")


rule write_report:
    input:
        **needs("write_report", "tables", *READ, "verdict"),
        figures=[results(*layout.figure(figure.name, "svg")) for figure in FIGURES],
        template=project("workflow/report/report.html.j2"),
        records=records_of(*BEFORE),
    output:
        **leaves("write_report"),
        html=report(
            results(layout.REPORT),
            caption="../report/report.rst",
            category="1. The experiment",
            labels={"Page": "Answer, verdict, figures and numbers"},
        ),
    log:
        "<logs>/write_report.log",
    conda:
        "../../envs/tables.yaml"
    params:
        steps=BEFORE,
    message:
        f"writing the page of {config['experiment']}"
    shell:
        command("write_report", "tables")
