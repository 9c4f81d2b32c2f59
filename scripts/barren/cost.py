"""What a job takes, predicted from its coordinates (standard library alone)."""

#: Resident memory of TensorFlow with its kernels loaded, MiB.
TENSORFLOW_MIB = 900
#: complex64 amplitudes.
BYTES_PER_AMPLITUDE = 8
#: State vectors that a gradient keeps for each thread.
STATE_VECTORS = 4


def gradient_mib(width: int) -> int:
    """Peak memory of a gradient job, MiB."""
    states = STATE_VECTORS * BYTES_PER_AMPLITUDE * (1 << width)
    return TENSORFLOW_MIB + states // (1 << 20)
