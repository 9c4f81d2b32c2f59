# One run at a time in a directory. The lock ends with the process that holds it, so that
# nothing is left of a run that was killed; Snakemake's own stays off (see the profile).
import fcntl


def take_lock():
    """Hold the directory's lock until this process ends, or end it with one line."""
    global run_lock
    run_lock = open(".snakemake/run.lock", "w")
    try:
        fcntl.flock(run_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("error: another run is at work in this directory; wait until it ends")
