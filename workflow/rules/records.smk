# What a run leaves: its targets and the record of every job behind them.
RESULTS = f"results/{config['experiment']}"


def target_files():
    """The paths of what a run makes in the end."""
    return [path.replace("<results>", RESULTS) for path in TARGETS]


def all_records(_):
    """The record of every job behind the targets."""
    records = [f"sample_circuits/{e.name}/0-0" for e in DISPLAYED]
    for first, last in batches(config["samples"], config["batch_size"]):
        records += [f"sample_circuits/{e.name}/{first}-{last}" for e in sampled(config)]
        for width in widths(sampled(config)):
            records.append(f"compute_gradients/width-{width}_samples-{first}-{last}")
    records += [f"predict_ensembles/width-{width}" for width in widths(expand(config))]
    paths = [f"<results>/records/{record}.json" for record in records]
    # Of the steps that run once: those that make a target, and the first.
    wanted = {f"{RESULTS}/experiment.json", *target_files()}
    for step in workflow.rules:
        outputs = step.output
        if not step.has_wildcards() and wanted & set(outputs):
            paths.append(outputs.record)
    return paths
