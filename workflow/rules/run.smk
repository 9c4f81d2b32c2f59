# What a run does around its jobs: one at a time, what to expect, the time left, a bar.
import fcntl
from graphlib import TopologicalSorter

from snakemake.logging import logger
from snakemake.settings.enums import Quietness

from barren.runner.progress import Job, Watch


def start_run():
    """What Snakemake calls before the first job."""
    take_lock()
    try:
        watch()
    except Exception as error:  # a run does not end for what is said about it
        logger.debug(f"no progress: {error!r}")


def take_lock():
    """Hold the directory's lock until this process ends, or end it with one line.

    The lock ends with the process that holds it, so that nothing is left of a run that
    was killed; Snakemake's own stays off (see the profile).
    """
    global run_lock
    run_lock = open(".snakemake/run.lock", "w")
    try:
        fcntl.flock(run_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("error: another run is at work in this directory; wait until it ends")


# The steps by the names that their rules have in an importing workflow.
PREDICTED = (*cost.ONCE, "sample_circuits", "compute_gradients", "predict_variance")
STEPS = {
    workflow.modifier.modify_rulename(step): step
    for step in (*PREDICTED, "build_environment", "all")
}


def seconds_of(job):
    """What a job takes; None for one that is not predicted."""
    step = STEPS.get(job.rule.name, job.rule.name)
    if step == "sample_circuits":
        return sampling_cost(job.wildcards).seconds
    if step == "compute_gradients":
        return gradient_cost(job.wildcards).seconds
    if step == "predict_variance":
        return cost.theory(of_job(job.wildcards, EXPERIMENT.ensembles), RATES)
    if step == "build_environment":
        return cost.INSTALL
    if step == "all":
        return 0.0
    return cost.once(step, len(job.input)) if step in cost.ONCE else None


def label_of(job):
    """A job in two or three words."""
    name = job.rule.name.replace("_", " ")
    widths = job.wildcards.get("widths")
    return f"{name}, width {widths}" if widths else name


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
        watcher.attach(logger, workflow.scheduler.exit_gracefully)
