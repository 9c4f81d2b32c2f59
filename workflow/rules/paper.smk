# What a manuscript takes over: numbers and tables as LaTeX; and the report's pages.


rule write_paper:
    input:
        experiment="<results>/experiment.json",
        statistics="<results>/tables/statistics.csv",
        fits="<results>/tables/fits.csv",
        claims="<results>/tables/claims.csv",
        code=code("write_paper"),
        environment=environment("tables"),
    output:
        numbers="<results>/paper/numbers.tex",
        statistics="<results>/paper/statistics.tex",
        fits="<results>/paper/fits.tex",
        claims="<results>/paper/claims.tex",
        record="<results>/records/write_paper.json",
    log:
        "<logs>/write_paper.log",
    benchmark:
        "<benchmarks>/write_paper.tsv"
    conda:
        "../../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        python=python("tables"),
    message:
        "writing numbers and tables as LaTeX"
    shell:
        "{params.python} scripts/write_paper.py --experiment {input.experiment}"
        " --statistics {input.statistics} --fits {input.fits} --claims {input.claims}"
        " --paper {output.numbers} {output.statistics} {output.fits} {output.claims}"
        " --record {output.record} 2> {log}"


rule write_pages:
    input:
        experiment="<results>/experiment.json",
        statistics="<results>/tables/statistics.csv",
        fits="<results>/tables/fits.csv",
        claims="<results>/tables/claims.csv",
        records=all_records,
        code=code("write_pages"),
        environment=environment("tables"),
    output:
        verdict=report(
            "<results>/pages/verdict.html",
            caption="../report/verdict.rst",
            category="1. Verdict",
            labels={"Page": "Verdict on every claim"},
        ),
        statistics=report(
            "<results>/pages/statistics.html",
            caption="../report/statistics.rst",
            category="3. Tables",
            labels={"Page": "Statistics and slopes"},
        ),
        versions=report(
            "<results>/pages/versions.html",
            caption="../report/versions.rst",
            category="4. How it was computed",
            labels={"Page": "Versions and run times"},
        ),
        record="<results>/records/write_pages.json",
    log:
        "<logs>/write_pages.log",
    conda:
        "../../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        python=python("tables"),
        records=lambda wildcards: f"results/{config['experiment']}/records",
    message:
        "writing the pages of the report"
    shell:
        "{params.python} scripts/write_pages.py --experiment {input.experiment}"
        " --statistics {input.statistics} --fits {input.fits} --claims {input.claims}"
        " --records {params.records} --verdict {output.verdict}"
        " --statistics-page {output.statistics} --versions {output.versions}"
        " --record {output.record} 2> {log}"
