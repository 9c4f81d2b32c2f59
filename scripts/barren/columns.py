"""The name of every column of every table, in one place."""

# What an ensemble is. A key that a family lacks is empty.
FAMILY = "family"
WIDTH = "width"
DEPTH = "depth"
BLOCK_DEPTH = "block_depth"
BLOCKS = "blocks"
# Further keys: columns of an experiment whose ensembles vary them.
SIGMA = "sigma"
SYMBOL_LAYER = "symbol_layer"
SYMBOL_QUBIT = "symbol_qubit"
OBSERVABLE = "observable"

# Of circuits of one's own: the function; and the parameter that is derived by.
CIRCUIT_OF = "circuit"
PARAMETER = "parameter"

# A circuit of an ensemble (gradients.csv).
SAMPLE = "sample"
THETA = "theta"
GRADIENT = "gradient"

# The statistics of an ensemble (statistics.csv).
SAMPLES = "samples"
MEAN = "mean"
VARIANCE = "variance"
VARIANCE_LOW = "variance_low"
VARIANCE_HIGH = "variance_high"
SECOND_MOMENT = "second_moment"
STD = "std"
KURTOSIS = "kurtosis"

# The exact theory (theory.csv), and what of it stands in statistics.csv too.
EXACT_VARIANCE = "exact_variance"
ASYMPTOTIC_VARIANCE = "asymptotic_variance"
BOUND = "bound"
BESIDE = (EXACT_VARIANCE, ASYMPTOTIC_VARIANCE, BOUND)

# Fits of log variance against width (fits.csv).
CURVE = "curve"
SLOPE = "slope"
SLOPE_LOW = "slope_low"
SLOPE_HIGH = "slope_high"
INTERCEPT = "intercept"
FREEDOM = "freedom"

# The verdict (claims.csv).
CLAIM = "claim"
SETTING = "setting"
STATEMENT = "statement"
SOURCE = "source"
EVIDENCE = "evidence"
TEST = "test"
ERROR_RATE = "error_rate"
VERDICT = "verdict"

#: Significant digits of computed numbers: another processor changes none of them.
DIGITS = 10

KEYS = (FAMILY, WIDTH, CIRCUIT_OF, DEPTH, BLOCK_DEPTH, BLOCKS)
FURTHER_KEYS = (SIGMA, SYMBOL_LAYER, SYMBOL_QUBIT, OBSERVABLE, PARAMETER)
CIRCUIT = (SAMPLE, THETA, GRADIENT)
STATISTICS = (
    SAMPLES,
    MEAN,
    VARIANCE,
    VARIANCE_LOW,
    VARIANCE_HIGH,
    SECOND_MOMENT,
    STD,
    KURTOSIS,
)
THEORY = (
    "exact_mean",
    "exact_second_moment",
    EXACT_VARIANCE,
    ASYMPTOTIC_VARIANCE,
    "relative_error",
    "no_exact_form",
    BOUND,
)
FITS = (CURVE, SLOPE, SLOPE_LOW, SLOPE_HIGH, INTERCEPT, "chi_square", FREEDOM)
CLAIMS = (
    CLAIM,
    SETTING,
    STATEMENT,
    SOURCE,
    EVIDENCE,
    TEST,
    ERROR_RATE,
    VERDICT,
)
#: The claim that a run ends with a failure for, if it is contradicted.
AGREEMENT = "samples_agree_with_theory"
# The data of a figure: a value with its interval, beside it the theory and the fit.
SAMPLED = "sampled"
FIGURE = (SAMPLED, "low", "high", "exact", "asymptotic", "fit")
# Keys of figures alone: of observables Z_a Z_b, and a parameter's place in its circuit.
QUBITS = ("qubit_a", "qubit_b")
POSITION = "position"

#: Every column that is no key.
VALUES = {*CIRCUIT, *STATISTICS, *THEORY, *FITS, *CLAIMS, *FIGURE}
