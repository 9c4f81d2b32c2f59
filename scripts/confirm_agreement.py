import csv

from barren import columns
from barren.physics.ensembles import BadInput
from barren.runner import step


def confirm_agreement(claims: step.Input, agreement: step.Output) -> None:
    """End with a failure where samples and theory disagree; else say what was found."""
    lines = []
    with claims.open(newline="") as file:
        for claim in csv.DictReader(file):
            if claim[columns.CLAIM] != columns.AGREEMENT:
                continue
            if claim[columns.VERDICT] == "contradicted":
                raise BadInput(
                    f"samples and theory disagree: {claim[columns.EVIDENCE]} "
                    "All results are written; verdict.md beside the tables has more."
                )
            lines.append(f"{claim[columns.STATEMENT]} {claim[columns.VERDICT]}\n")
    agreement.write_text("".join(lines))


if __name__ == "__main__":
    step.run(confirm_agreement)
