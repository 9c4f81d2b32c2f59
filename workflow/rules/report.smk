# What the report shows: `snakemake --report results/EXPERIMENT/report.html`.


report: "../report/workflow.rst"


FIGURE_TITLES = {
    "gradient_variance_random": "Variance against width, random circuits",
    "gradient_std_random": "The tutorial's curve, random circuits",
    "random_vs_identity": "Variance against width, random circuits and identity blocks",
    "random_vs_identity_std": "The tutorial's curves, random circuits and identity blocks",
    "gradient_variance_by_depth": "Variance against depth",
    "gradient_variance_by_layer": "Variance against the symbol's layer",
    "gradient_variance_by_sigma": "Variance against sigma",
    "gradient_variance_of_symbols": "Variance by the symbol's place",
    "gradient_variance_of_observables": "Variance by observable",
    "circuit_random": "A random circuit",
    "circuit_identity": "Identity blocks, equal start",
    "circuit_identity_tutorial": "Identity blocks as in the tutorial",
}


def shown(path):
    """A figure's file; the report shows the SVG, captioned."""
    name, form = Path(path).stem, Path(path).suffix
    caption, labels = f"../report/{name}.rst", {"Figure": FIGURE_TITLES[name]}
    options = {"caption": caption, "category": "2. Figures", "labels": labels}
    return report(path, **options) if form == ".svg" else path


def reported(names):
    """The files of some figures, as outputs."""
    return [shown(path) for path in figure_files(names)]


def setting():
    """What was sampled, in a sentence for captions."""
    ranges = []
    for entry in config["ensembles"]:
        lists = [
            f"{key.replace('_', ' ')} {', '.join(map(str, values))}"
            for key, values in entry.items()
            if key not in {"family", "observable"}
        ]
        ranges.append(f"{entry['family'].replace('_', ' ')}: {'; '.join(lists)}")
    (a, b), symbol = config["observable"], config["symbol"]
    return (
        f"{config['samples']} circuits per ensemble, seed {config['seed']}, observable"
        f" Z{a} Z{b} and symbol on layer {symbol['layer']}, qubit {symbol['qubit']}"
        f" unless varied ({'. '.join(ranges)})."
    )
