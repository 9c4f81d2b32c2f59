# What a run does around its jobs: one at a time, what to expect, the time left, a bar.
import fcntl
from graphlib import TopologicalSorter

from snakemake.logging import logger
from snakemake.settings.enums import Quietness

from barren.runner.progress import Job, Watch


def start_run():
    """What Snakemake calls before the first job; for several modules, the first one."""
    if hasattr(workflow, "run_lock"):
        return
    take_lock()
    keep_count()
    if workflow.local_exec:
        # Its timer would hold a run that is over for another second.
        workflow.scheduler.job_rate_limiter = None
    try:
        watch()
    except Exception as error:  # a run does not end for what is said about it
        logger.debug(f"no progress: {error!r}")


def take_lock():
    """Hold the directory's lock until this process ends, or end it with one line.

    The lock ends with the process that holds it, so that nothing is left of a run that
    was killed; Snakemake's own stays off (see the profile).
    """
    workflow.run_lock = open(".snakemake/run.lock", "w")
    try:
        fcntl.flock(workflow.run_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("error: another run is at work in this directory; wait until it ends")


def keep_count():
    """Let Snakemake count what is free of cores and memory from what runs.

    By its own account a job that alone is ready takes nothing, and gives back a core
    when it ends (9.10 to 9.16): a run came to use more than it was given.
    """
    scheduler = workflow.scheduler
    select = scheduler.job_selector

    def select_counted(jobs):
        scheduler.resources = dict(scheduler.global_resources)
        scheduler.update_available_resources(scheduler.running)
        return select(jobs)

    scheduler.job_selector = select_counted


def seconds_of(job):
    """What a job takes; None for one that is not predicted."""
    if job.is_norun:
        return 0.0
    if "marker" in job.output.keys():
        return cost.INSTALL
    # Not by the rule's name, which is another one in an importing workflow.
    step = Path(job.input.get("script", "")).stem
    known = step in cost.ONCE or step in SEVERAL
    return cost_of(step, job.wildcards).seconds if known else None


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
        of = job.wildcards.get("widths")
        label = job.rule.name.replace("_", " ") + (f", width {of}" if of else "")
        jobs[workflow.dag.jobid(job)] = Job(label, own, chain[job], log)
    if any(seconds.values()):
        watcher = Watch(jobs, workflow.cores)
        logger.info(
            f"{len(jobs)} steps, {cost.duration(watcher.time_left())} on"
            f" {workflow.cores} cores; logs in {where(LOGS)}/"
        )
        watcher.attach(logger, workflow.scheduler.exit_gracefully)
