# What to expect of a run, said when it starts; the time left; a bar on a terminal.
from graphlib import TopologicalSorter

from snakemake.logging import logger
from snakemake.settings.enums import Quietness

from barren.progress import Job, Watch


def seconds_of(job):
    """What a job takes; None for one that is not predicted."""
    step = job.rule.name
    if step == "sample_circuits":
        return sampling_cost(job.wildcards).seconds
    if step == "compute_gradients":
        return gradient_cost(job.wildcards).seconds
    if step == "predict_ensembles":
        width = int(job.wildcards.width)
        return cost.theory([e for e in expand(config) if e.width == width], rates())
    if step == "build_environment":
        return cost.INSTALL
    if step == "all":
        return 0.0
    return cost.once(step, len(job.input)) if step in cost.ONCE else None


def label_of(job):
    """A job in two or three words."""
    name = job.rule.name.replace("_", " ")
    width = job.wildcards.get("width")
    return f"{name}, width {width}" if width else name


def watch():
    """Say what to expect, and follow the run."""
    if workflow.touch or not (workflow.is_main_process and workflow.local_exec):
        return
    quiet = set(workflow.output_settings.quiet or ())
    if quiet & {Quietness.ALL, Quietness.PROGRESS}:
        return
    needed = set(workflow.dag.needrun_jobs())
    after = {job: needed & set(workflow.dag.depending[job]) for job in needed}
    seconds = {job: seconds_of(job) for job in needed}
    jobs, chain = {}, {}
    for job in TopologicalSorter(after).static_order():
        own = seconds[job] and seconds[job] + cost.OVERHEAD
        chain[job] = (own or 0.0) + max((chain[j] for j in after[job]), default=0.0)
        log = Path(job.log[0]) if job.log else None
        jobs[workflow.dag.jobid(job)] = Job(label_of(job), own, chain[job], log)
    if any(seconds.values()):
        watcher = Watch(jobs, workflow.cores)
        logger.info(
            f"{len(jobs)} steps, {cost.duration(watcher.time_left())} on"
            f" {workflow.cores} cores; logs in logs/{config['experiment']}/"
        )
        watcher.attach(logger)
