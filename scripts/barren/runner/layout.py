"""The name of every file of an experiment, from the experiment's folder.

The same functions give names and, without arguments, the patterns of the rules.
"""

EXPERIMENT = "experiment.json"
GRADIENTS = "tables/gradients.csv"
STATISTICS = "tables/statistics.csv"
THEORY = "tables/theory.csv"
FITS = "tables/fits.csv"
CLAIMS = "tables/claims.csv"
VERDICT = "verdict.md"
AGREEMENT = "agreement.txt"
PAPER = [f"paper/{of}.tex" for of in ("numbers", "statistics", "fits", "claims")]
REPORT = "report.html"
#: The research object crate, and the copies of the sources that make it whole.
CRATE = "ro-crate-metadata.json"
SOURCES = "sources"
RECORDS = "records"
BATCHES = "batches"
COMPUTED = "gradients"
#: Every figure in each format, and its source data.
FORMATS = ("pdf", "svg", "png", "csv")

Number = int | str
#: Wildcards of the rules.
WIDTHS, FIRST, LAST = "{widths}", "{first}", "{last}"


def batch(width: Number = WIDTHS, first: Number = FIRST, last: Number = LAST) -> str:
    """Serialised circuits of all ensembles of a width, a first to a last sample."""
    return f"{BATCHES}/width-{width}_samples-{first}-{last}.npz"


def circuit(program: str) -> str:
    """A circuit of one's own, built."""
    return f"circuits/{program}.json"


def gradients(widths: str = WIDTHS, first: Number = FIRST, last: Number = LAST) -> str:
    """The gradients of all ensembles of some widths, a first to a last sample."""
    return f"{COMPUTED}/widths-{widths}_samples-{first}-{last}.csv"


def theory(widths: str = WIDTHS) -> str:
    """The exact moments of all ensembles of some widths."""
    return f"theory/widths-{widths}.csv"


def figure(name: str, *formats: str) -> list[str]:
    """A figure in some formats, or in every one and with its data."""
    return [f"figures/{name}.{form}" for form in formats or FORMATS]


def record(step: str, output: str = "") -> str:
    """The record of a job: named for its output where its step has several."""
    name = output.partition("/")[2].rpartition(".")[0]
    return f"{RECORDS}/{step}/{name}.json" if name else f"{RECORDS}/{step}.json"
