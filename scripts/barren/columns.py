"""The name of every column of every table, in one place."""

# What an ensemble is; a key that a family lacks is empty. Of circuits of one's own
# CIRCUIT_OF is the function.
FAMILY, WIDTH, CIRCUIT_OF = "family", "width", "circuit"
DEPTH, BLOCK_DEPTH, BLOCKS = "depth", "block_depth", "blocks"
KEYS = (FAMILY, WIDTH, CIRCUIT_OF, DEPTH, BLOCK_DEPTH, BLOCKS)
# Further keys: columns of an experiment whose ensembles vary them. PARAMETER: by which
# a circuit of one's own is derived.
SIGMA = "sigma"
SYMBOL = SYMBOL_LAYER, SYMBOL_QUBIT = "symbol_layer", "symbol_qubit"
OBSERVABLE = "observable"
PARAMETER = "parameter"
FURTHER_KEYS = (SIGMA, *SYMBOL, OBSERVABLE, PARAMETER)

# A circuit of an ensemble (gradients.csv).
CIRCUIT = SAMPLE, THETA, GRADIENT = "sample", "theta", "gradient"

# The statistics of an ensemble (statistics.csv).
SAMPLES, MEAN, VARIANCE = "samples", "mean", "variance"
INTERVAL = VARIANCE_LOW, VARIANCE_HIGH = "variance_low", "variance_high"
SECOND_MOMENT, STD, KURTOSIS = "second_moment", "std", "kurtosis"
STATISTICS = (SAMPLES, MEAN, VARIANCE, *INTERVAL, SECOND_MOMENT, STD, KURTOSIS)

# The exact theory (theory.csv), and what of it stands in statistics.csv too.
EXACT = EXACT_VARIANCE, ASYMPTOTIC_VARIANCE = "exact_variance", "asymptotic_variance"
BOUND = "bound"
BESIDE = (*EXACT, BOUND)
THEORY = (
    *("exact_mean", "exact_second_moment", *EXACT),
    *("relative_error", "no_exact_form", BOUND),
)

# Fits of log variance against width (fits.csv).
CURVE, SLOPE, INTERCEPT, FREEDOM = "curve", "slope", "intercept", "freedom"
SLOPES = SLOPE_LOW, SLOPE_HIGH = "slope_low", "slope_high"
FITS = (CURVE, SLOPE, *SLOPES, INTERCEPT, "chi_square", FREEDOM)

# The verdict (claims.csv).
CLAIM, SETTING, STATEMENT, SOURCE = "claim", "setting", "statement", "source"
EVIDENCE, TEST, ERROR_RATE, VERDICT = "evidence", "test", "error_rate", "verdict"
CLAIMS = (CLAIM, SETTING, STATEMENT, SOURCE, EVIDENCE, TEST, ERROR_RATE, VERDICT)
#: The claim that a run ends with a failure for, if it is contradicted.
AGREEMENT = "samples_agree_with_theory"

# The data of a figure: a value with its interval, beside it the theory and the fit.
SAMPLED = "sampled"
FIGURE = (SAMPLED, "low", "high", "exact", "asymptotic", "fit")
# Keys of figures alone: of observables Z_a Z_b, and a parameter's place in its circuit.
QUBITS = ("qubit_a", "qubit_b")
POSITION = "position"

#: Significant digits of computed numbers: another processor changes none of them.
DIGITS = 10
#: Every column that is no key.
VALUES = {*CIRCUIT, *STATISTICS, *THEORY, *FITS, *CLAIMS, *FIGURE}
