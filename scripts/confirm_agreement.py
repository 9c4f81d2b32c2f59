import csv

from barren import columns
from barren.physics.ensembles import BadInput
from barren.runner import step


def confirm_agreement(claims: step.Input, agreement: step.Output) -> None:
    """End with a failure where samples and theory disagree; else say what was found."""
    with claims.open(newline="") as file:
        rows = {row[columns.CLAIM]: row for row in csv.DictReader(file)}
    found = rows[columns.AGREEMENT]
    if found[columns.VERDICT] == "contradicted":
        raise BadInput(
            f"samples and theory disagree: {found[columns.EVIDENCE]} "
            "All results are written; verdict.md beside the tables has more."
        )
    agreement.write_text(f"{found[columns.VERDICT]}: {found[columns.STATEMENT]}\n")


if __name__ == "__main__":
    step.run(confirm_agreement)
