from barren import columns
from barren.analysis.agreement import AGREEMENT
from barren.analysis.tables import read_table
from barren.physics.ensembles import BadInput
from barren.runner import step


def confirm_agreement(claims: step.Input, agreement: step.Output) -> None:
    """End with a failure where samples and theory disagree; else say what was found."""
    table = read_table(claims)
    lines = []
    for _, claim in table[table[columns.CLAIM] == AGREEMENT].iterrows():
        if claim[columns.VERDICT] == "contradicted":
            raise BadInput(
                f"samples and theory disagree: {claim[columns.EVIDENCE]} "
                "All results are written; verdict.md beside the tables has the details."
            )
        lines.append(f"{claim[columns.STATEMENT]} {claim[columns.VERDICT]}\n")
    agreement.write_text("".join(lines))


if __name__ == "__main__":
    step.run(confirm_agreement)
