"""What the properties draw: small ensembles of every family."""

from dataclasses import MISSING, fields, replace

from hypothesis import strategies as st

from barren.physics.ensembles import Ensemble
from barren.physics.families import FAMILIES

WIDTHS, COUNTS = st.integers(2, 5), st.integers(1, 3)
SIGMAS = st.none() | st.floats(0.01, 3)


@st.composite
def ensembles(
    draw: st.DrawFn,
    widths: st.SearchStrategy[int] = WIDTHS,
    counts: st.SearchStrategy[int] = COUNTS,
    sigmas: st.SearchStrategy[float | None] = SIGMAS,
) -> Ensemble:
    """An ensemble of any family, its symbol and observable anywhere."""
    family = draw(st.sampled_from([*FAMILIES.values()]))
    required = [of.name for of in fields(family) if of.default is MISSING]
    sizes = {key: draw(widths if key == "width" else counts) for key in required}
    ensemble = family(**sizes, sigma=draw(sigmas))
    qubits = st.integers(0, ensemble.width - 1)
    a, b = draw(st.lists(qubits, min_size=2, max_size=2, unique=True))
    return replace(
        ensemble,
        symbol_layer=draw(st.integers(0, ensemble.symbol_layers - 1)),
        symbol_qubit=draw(qubits),
        observable_a=a,
        observable_b=b,
    )
