# What a manuscript takes over: numbers and tables as LaTeX; and the report's pages.


# Another workflow's report begins with words of its own.
if config == workflow.config:

    report: "../report/workflow.rst"


rule write_paper:
    input:
        **needs("write_paper", "tables"),
        experiment=results(layout.EXPERIMENT),
        statistics=results(layout.STATISTICS),
        fits=results(layout.FITS),
        claims=results(layout.CLAIMS),
    output:
        **leaves("write_paper"),
        paper=[results(layout.PAPER.format(table=t)) for t in layout.PAPER_TABLES],
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


rule write_pages:
    input:
        **needs("write_pages", "tables"),
        experiment=results(layout.EXPERIMENT),
        statistics=results(layout.STATISTICS),
        fits=results(layout.FITS),
        claims=results(layout.CLAIMS),
        records=all_records,
    output:
        **leaves("write_pages"),
        verdict=page("verdict", "1. Verdict", "Verdict on every claim"),
        statistics_page=page("statistics", "3. Tables", "Statistics and slopes"),
        versions=page("versions", "4. How it was computed", "Versions and run times"),
    log:
        "<logs>/write_pages.log",
    conda:
        "../../envs/tables.yaml"
    params:
        command=command("tables", "write_pages", hidden=["records"], steps=ONCE),
    message:
        "writing the pages of the report"
    shell:
        "{params.command} 2> {log}"
