"""End with a failure where samples and theory disagree; else say that they agree."""

from pathlib import Path

from barren import columns, step
from barren.ensembles import BadInput
from barren.tables import read_table

parser = step.parser(__doc__)
parser.add_argument("--claims", type=Path, required=True)
parser.add_argument("--agreement", type=Path, required=True, help="file to write")

with step.run(parser, inputs=["claims"], outputs=["agreement"]) as args:
    claims = read_table(args.claims).set_index(columns.CLAIM)
    lines = []
    for name in claims.index.intersection(["samples_agree_with_theory"]):
        claim = claims.loc[name]
        lines.append(f"{claim[columns.STATEMENT]} {claim[columns.VERDICT]}")
        if claim[columns.VERDICT] == "contradicted":
            raise BadInput(
                f"samples and theory disagree: {claim[columns.EVIDENCE]} "
                "All results are written; verdict.md beside the tables has the details."
            )
    args.agreement.write_text("\n".join(lines) + "\n")
