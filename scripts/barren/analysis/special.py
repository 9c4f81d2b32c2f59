"""Distribution functions of scipy; to import it whole takes longer than a verdict."""

from barren.physics.packages import parts_of

with parts_of("scipy", "scipy.special"):
    from scipy.special._ufuncs import chdtrc, gammaln, ndtr, ndtri, stdtrit

__all__ = ["chdtrc", "gammaln", "ndtr", "ndtri", "stdtrit"]
