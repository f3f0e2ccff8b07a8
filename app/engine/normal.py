"""The error function, which NumPy lacks, vectorised to full double precision."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Coefficients of the three rational approximations, highest power first, as Horner eats them.
_CENTRE = (
    (
        1.85777706184603153e-1,
        3.16112374387056560e0,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3,
    ),
    (
        1.0,
        2.36012909523441209e1,
        2.44024637934444173e2,
        1.28261652607737228e3,
        2.84423683343917062e3,
    ),
)
_SHOULDER = (
    (
        2.15311535474403846e-8,
        5.64188496988670089e-1,
        8.88314979438837594e0,
        6.61191906371416295e1,
        2.98635138197400131e2,
        8.81952221241769090e2,
        1.71204761263407058e3,
        2.05107837782607147e3,
        1.23033935479799725e3,
    ),
    (
        1.0,
        1.57449261107098347e1,
        1.17693950891312499e2,
        5.37181101862009858e2,
        1.62138957456669019e3,
        3.29079923573345963e3,
        4.36261909014324716e3,
        3.43936767414372164e3,
        1.23033935480374942e3,
    ),
)
_TAIL = (
    (
        1.63153871373020978e-2,
        3.05326634961232344e-1,
        3.60344899949804439e-1,
        1.25781726111229246e-1,
        1.60837851487422766e-2,
        6.58749161529837803e-4,
    ),
    (
        1.0,
        2.56852019228982242e0,
        1.87295284992346725e0,
        5.27905102951428412e-1,
        6.05183413124413191e-2,
        2.33520497626869185e-3,
    ),
)
_CENTRE_END = 0.46875
_SHOULDER_END = 4.0
# Beyond this erf is ±1 in double precision.
_ONE = 6.0
_INVERSE_SQRT_PI = 0.5641895835477563

Doubles = NDArray[np.float64]


def erf(x: NDArray[Any]) -> NDArray[Any]:
    """Return the error function of each element, of the same shape and dtype.

    The error is below 1e-15. NaN stays NaN.

    Source: W. J. Cody, Rational Chebyshev approximations for the error function, Mathematics of
    Computation 23 (1969), 631-637.
    """
    flat = x.astype(np.float64).ravel()
    size = np.abs(flat)
    out = np.copysign(1.0, flat)
    out[np.isnan(flat)] = np.nan
    centre = size <= _CENTRE_END
    tail = (size > _SHOULDER_END) & (size < _ONE)
    shoulder = (size > _CENTRE_END) & (size <= _SHOULDER_END)
    out[centre] = flat[centre] * _ratio(_CENTRE, np.square(flat[centre]))
    out[shoulder] *= 1 - _shoulder(size[shoulder])
    out[tail] *= 1 - _tail(size[tail])
    return out.reshape(x.shape).astype(x.dtype, copy=False)


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Doubles) -> Doubles:
    return np.polyval(coefficients[0], x) / np.polyval(coefficients[1], x)


def _shoulder(x: Doubles) -> Doubles:
    return np.exp(-x * x) * _ratio(_SHOULDER, x)


def _tail(x: Doubles) -> Doubles:
    inverse = 1 / np.square(x)
    return np.exp(-x * x) / x * (_INVERSE_SQRT_PI - inverse * _ratio(_TAIL, inverse))
