"""Gradients of expectation values, computed by TensorFlow Quantum's kernels."""

import ctypes
import importlib.util
import math
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barren.physics.adjoint import adjoint_gradients
from barren.physics.batches import Batch
from barren.physics.ensembles import QSIM, Ensemble
from barren.physics.layered import THETA, Layered
from barren.physics.observables import Term
from barren.physics.packages import parts_of
from barren.physics.programs import pauli_sum
from barren.physics.qsim import qsim_gradients

ADJOINT = "adjoint"
PARAMETER_SHIFT = "parameter_shift"
AUTO = "auto"
#: `import tensorflow`, which operations do too, takes four times as long as its parts.
TENSORFLOW = "tensorflow"
#: glibc's parameter of that name (malloc.h).
_M_MXFAST = 1
#: Power of two of the largest weight of an observable, as kernels get it.
WEIGHT = 40
#: From this width on the shift's two sweeps beat the adjoint's three (measured).
PARAMETER_SHIFT_FROM = 14


def choose_differentiator(differentiator: str, width: int) -> str:
    """The differentiator that `auto` stands for at a width."""
    if differentiator != AUTO:
        return differentiator
    return PARAMETER_SHIFT if width >= PARAMETER_SHIFT_FROM else ADJOINT


def set_threads() -> None:
    """Limit TensorFlow to the job's threads; call it before the first gradient."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ.get("OMP_NUM_THREADS", "1")
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"


def compute_gradients(
    ensemble: Ensemble, batch: Batch, engine: str, differentiator: str
) -> NDArray[np.float32]:
    """Gradients of a batch as a configuration says, (samples, symbols); per radian."""
    if engine == QSIM:
        if isinstance(ensemble, Layered):
            return qsim_gradients(ensemble, batch.circuits)[:, None]
        return adjoint_gradients(ensemble, batch.circuits, batch.symbols)
    programs, values = batch.programs, batch.circuits.values
    if isinstance(ensemble, Layered):
        # The same rotation but for a phase; single precision has the more digits.
        values = np.fmod(values, 2 * np.pi)
        how = choose_differentiator(differentiator, ensemble.width)
        return gradients(programs, values, ensemble.terms, how)
    # Symbols that may stand in several gates, and in the units of the program.
    shared, values = np.broadcast_to(programs, len(values)), values * batch.units
    found = gradients(shared, values, ensemble.terms, ADJOINT, batch.symbols)
    return found * np.array(batch.units, np.float32)


def gradients(
    programs: NDArray[np.bytes_],
    values: NDArray[np.float64],
    terms: Sequence[Term],
    differentiator: str,
    symbols: Sequence[str] = (THETA,),
) -> NDArray[np.float32]:
    """d<O>/d theta of each circuit by each symbol, (samples, symbols), per radian.

    programs: (samples,), serialised; values: (samples, symbols), radians. `adjoint`
    takes a forward and a backward sweep; its gate derivatives are central differences
    (see `TFQ_STEP`). `parameter_shift`, for a single symbol that stands once, takes two
    expectations at theta +- pi/2, exact up to float32.
    """
    # A power of two, so that no digit changes: the adjoint drops weights below 1e-5.
    power = WEIGHT - max(math.frexp(weight)[1] for weight, _ in terms)
    terms = [(math.ldexp(weight, power), string) for weight, string in terms]
    observables = [[pauli_sum(terms)]] * len(programs)

    def call(operation: Any, of: NDArray[np.float64], *more: NDArray[Any]) -> Any:
        single = of.astype(np.float32)
        with parts_of(TENSORFLOW):
            found = operation(programs, list(symbols), single, observables, *more)
            return found.numpy()

    if differentiator == ADJOINT:
        operation = _kernel("_tfq_adj_grad.so").tfq_adjoint_gradient
        found = call(operation, values, np.ones((len(programs), 1), np.float32))
    elif differentiator == PARAMETER_SHIFT:
        operation = _kernel("_tfq_simulate_ops.so").tfq_simulate_expectation
        up, down = (call(operation, values + of) for of in (np.pi / 2, -np.pi / 2))
        found = (up - down) / np.float32(2)
    else:
        raise ValueError(f"no differentiator {differentiator!r}")
    result: NDArray[np.float32] = np.ldexp(found, -power)
    return result


@cache
def _kernel(library: str) -> Any:
    """A library of TensorFlow Quantum's operations.

    Loaded by file: `import tensorflow_quantum` would import Cirq too, which costs
    more than the gradients of a small batch.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # A parsed gate is many small objects. Without the allocator's lists of the freed
    # ones, which it merges again and again, narrow circuits take three quarters.
    ctypes.CDLL(None).mallopt(_M_MXFAST, 0)
    package = importlib.util.find_spec("tensorflow_quantum")
    assert package is not None and package.origin is not None
    with parts_of(TENSORFLOW):
        # constant_op registers how arrays become tensors; kernels ask for variables.
        from tensorflow.python.framework import constant_op, load_library, ops
        from tensorflow.python.ops import resource_variable_ops

        assert constant_op and resource_variable_ops
        ops.enable_eager_execution()
        return load_library.load_op_library(
            str(Path(package.origin).parent / "core" / "ops" / library)
        )
