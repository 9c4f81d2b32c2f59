# The workflow as a module, wherever who uses it keeps results; it prints of each job, in a
# line of JSON, what it reads, writes and runs. The audit asks this.
import json
import logging

from snakemake.logging import logger


class Jobs(logging.Handler):
    def emit(self, record):
        if getattr(record, "event", "") == "job_info" and record.shellcmd:
            print(json.dumps([record.input, record.output, record.shellcmd]))


logger.addHandler(Jobs())


module barren:
    pathvars:
        results=config["results"],
    snakefile:
        "Snakefile"
    config:
        config["experiment"]


use rule * from barren
