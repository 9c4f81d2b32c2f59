# What a manuscript takes over: numbers and tables as LaTeX; and the report's pages.


# Another workflow's report begins with words of its own.
if config == workflow.config:

    report: "../report/workflow.rst"


def page(name, category, label):
    """A page of the report."""
    return report(
        results(layout.PAGE.format(page=name)),
        caption=f"../report/{name}.rst",
        category=category,
        labels={"Page": label},
    )


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


rule write_pages:
    input:
        experiment=results(layout.EXPERIMENT),
        statistics=results(layout.STATISTICS),
        fits=results(layout.FITS),
        claims=results(layout.CLAIMS),
        records=all_records,
        **needs("write_pages", "tables"),
    output:
        verdict=page("verdict", "1. Verdict", "Verdict on every claim"),
        statistics_page=page("statistics", "3. Tables", "Statistics and slopes"),
        versions=page("versions", "4. How it was computed", "Versions and run times"),
        **leaves("write_pages"),
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
