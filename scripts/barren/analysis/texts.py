"""The claims in words: statement, source and test."""

from typing import NamedTuple

from barren import columns
from barren.analysis import claims, evidence, fits
from barren.analysis.evidence import FEWEST, LEVEL
from barren.analysis.fits import SLOW


class Text(NamedTuple):
    """A claim in words.

    holds, fails: the claim and its opposite, as parts of a sentence. error_rate: the
    chance that a true claim is called contradicted, 0 where chance plays no part.
    """

    statement: str
    holds: str
    fails: str
    source: str
    test: str
    error_rate: float = LEVEL


SLOPE = -claims.MCCLEAN_SLOPE
AT_LIMIT = f"{100 * claims.AT_LIMIT:g}"
PLOTTED = "plotted_curve_is_a_variance"
TUTORIAL = "TensorFlow Quantum tutorial, Barren plateaus"
MCCLEAN = "McClean et al. 2018, arXiv:1803.11173"
GRANT = "Grant et al. 2019, arXiv:1903.05076"
SETTINGS = "simultaneous for all widths and settings (Bonferroni)."
CURVES = (
    f"The interval, at {100 * (1 - LEVEL):g} % and simultaneous for all settings "
    f"(Bonferroni), decides; nothing is decided with fewer than {FEWEST} circuits, or "
    f"{evidence.CIRCUITS} times the kurtosis."
)

TEXTS = {
    columns.AGREEMENT: Text(
        "The sampled circuits and gradients agree with the exact theory.",
        "samples and theory agree",
        "samples and theory disagree",
        "This project, workflow/docs/theory.md",
        "E-value tests (bets against the theory) of the mean and the second moment of "
        "every ensemble and of each family, and of axes, angles and theta; a search "
        "for circuits that occur twice; the gradients of a few circuits computed "
        "again. "
        "Simultaneous for all tests (Bonferroni); supported from "
        f"{FEWEST} circuits on.",
        evidence.AGREEMENT_LEVEL,
    ),
    "mean_is_zero": Text(
        "The mean gradient of random circuits is zero.",
        "the mean gradient is zero",
        "the mean gradient is not zero",
        f"{TUTORIAL}; {MCCLEAN}",
        f"Student's test of each mean, {SETTINGS} Supported if a mean of "
        f"{claims.LARGE_MEAN:.2f} standard deviations of the gradient would be beyond "
        "chance, and the exact mean is 0; with normal angles it must be known. Fewer "
        f"than {FEWEST} circuits contradict nothing.",
    ),
    "variance_falls_with_width": Text(
        "The variance of the gradient falls with the width.",
        "the variance falls with width",
        "the variance does not fall with width",
        f"{TUTORIAL}; {MCCLEAN}",
        f"The slope of log variance against width is below 0. {CURVES}",
    ),
    "variance_falls_exponentially": Text(
        "The fall of the variance with width is exponential.",
        "the variance falls exponentially with width",
        "the variance does not fall exponentially with width",
        f"{TUTORIAL}; {MCCLEAN}",
        "Chi-square of log variance about a straight line, off which it may lie by "
        f"{claims.NEARLY:g}, as that of a 2-design does, simultaneous for all "
        f"settings (Bonferroni). Supported needs p of {LEVEL:g} at least, a power law "
        f"to {claims.NEARLY:g} that is as significantly none, a slope below 0 that is "
        f"known to {SLOW:.2f} per qubit, four widths and {FEWEST} circuits.",
    ),
    "slope_of_mcclean": Text(
        f"The log variance falls by {SLOPE} per qubit, as in McClean's fit.",
        f"the log variance falls by {SLOPE} per qubit, as in McClean's fit",
        f"the log variance does not fall by McClean's {SLOPE} per qubit",
        f"{MCCLEAN}, figure 3",
        "McClean et al. fit deep circuits, a finite sample of them, and give no error: "
        f"a slope within {100 * claims.TOLERANCE:g} % of theirs counts as the same. "
        "Supported if the interval of the sampled slope lies within this range, "
        f"contradicted if outside. {CURVES}",
    ),
    "converges_with_depth": Text(
        "With depth the variance converges to that of a 2-design.",
        "with depth the variance converges to that of a 2-design",
        "with depth the variance does not converge to that of a 2-design",
        MCCLEAN,
        f"Exact variance within a factor {fits.CONVERGED} of its limit at the two "
        f"largest depths, as it may pass it on its way, or within {AT_LIMIT} % at the "
        "largest; else undecided, whatever the depth.",
        0.0,
    ),
    "identity_blocks_keep_variance": Text(
        "Identity blocks keep the variance from vanishing with width.",
        "identity blocks keep the variance",
        "identity blocks do not keep the variance",
        f"{TUTORIAL}; {GRANT}",
        f"The slope of log variance against width is above {-SLOW:.2f}, a quarter of "
        "that of a barren plateau. Contradicted if below, of three widths or more, and "
        "between the two largest the exact one too, where it is known. "
        f"{CURVES}",
    ),
    "deeper_in_block_is_smaller": Text(
        "The variance is smaller with the symbol deep in its block than at its start.",
        "the variance is smaller deep in a block than at its start",
        "the variance is not smaller deep in a block at every width",
        f"{TUTORIAL}; {GRANT}; exact law in workflow/docs/theory.md",
        "Normal test of the difference in log variance between the first and the "
        "deepest layer, one in the second half of U, at each width, "
        f"{SETTINGS} {FEWEST} circuits are needed.",
    ),
    "other_blocks_are_identity": Text(
        "Changing one parameter leaves every other block the identity.",
        "the other blocks stay the identity",
        "the other blocks do not stay the identity",
        f"{TUTORIAL}; {GRANT}",
        f"Each gradient is within {evidence.SAME_GRADIENT:g} ‖O‖ of that of the first "
        "block alone, by a closed form or computed in numpy; supported from "
        f"{claims.FEWEST_COMPARED} circuits on whose gradient is larger than that.",
        0.0,
    ),
    PLOTTED: Text(
        'The curve that the tutorial plots as "variance" is the variance.',
        "what the tutorial plots is the variance",
        "what the tutorial plots as the variance is the standard deviation",
        f"{TUTORIAL}, helper of section 3.1 (reduce_std)",
        "The plotted number (supported) or its square (contradicted) is the variance "
        f"within its interval at every width, {SETTINGS} {FEWEST} circuits are needed.",
    ),
    claims.COSTS: Text(
        "A global cost falls exponentially at any depth, a local one in deep circuits.",
        "a global cost falls exponentially at any depth, a local one in deep circuits",
        "the cost does not decide where the variance falls exponentially",
        "Cerezo et al. 2021, arXiv:2001.00550",
        "Slopes of the exact log variance against three widths or more, per qubit; "
        "that of the local cost times the width squared, as it averages its terms. "
        f"Supported if the global cost's are all below {-2 * SLOW:.2f}, half a "
        f"plateau's, and the local cost's is above {-SLOW:.2f} at the least depth and "
        "below it at the largest; "
        "a least depth that is no less than the widths contradicts nothing.",
        0.0,
    ),
}
