"""The comparer compared: it has to go red on numbers that are nearly right."""

import numpy as np

from tests.conformance import oracle
from tests.conformance.case import Array, Case, Numbers, Refused, Spec, random_for
from tests.conformance.tally import Tally

SLIGHTLY = 1.0005  # the 0.05 % that an eye on a plot would never see


def run() -> None:
    """Show the comparer right and wrong answers.

    Raises:
        RuntimeError: It called a right answer wrong, or a wrong one right.
    """
    for dtype in ("float64", "float32"):
        case, expected = oracle.answer(_case().in_dtype(dtype))
        right = {name: value.astype(dtype) for name, value in expected.items()}
        _expect(True, "the right answer", case, dtype, expected, right)
        for name in right:
            for what, wrong in _wrong(right[name]):
                answer = {**right, name: wrong}
                _expect(False, f"{name} {what}", case, dtype, expected, answer)
            missing = {key: value for key, value in right.items() if key != name}
            _expect(False, f"{name} missing", case, dtype, expected, missing)
        _expect(False, "an illegal case computed", case, dtype, None, right)
        _expect(False, "a legal case refused", case, dtype, expected, None)
    if not Tally().too_few({"anything": {"conv2d": 1}}):
        raise RuntimeError("the comparer passes without having compared anything")


def _case() -> Case:
    random = random_for("comparer")
    kernel, bias = random.normal(size=(4, 3, 3, 2)), random.normal(size=4)
    layers: list[Spec] = [
        {"type": "conv2d", "kernel": kernel, "bias": bias, "stride": 2},
        {"type": "tanh"},
        {"type": "dense", "weight": random.normal(size=(5, 4 * 3 * 5))},
    ]
    return Case("comparer", "comparer", layers, random.normal(size=(2, 3, 7, 10)))


def _wrong(right: Array) -> list[tuple[str, Array]]:
    """Return an array spoilt in every way that a wrong algorithm might."""
    one = right.copy()
    one[np.unravel_index(np.argmax(np.abs(right)), right.shape)] *= SLIGHTLY
    hole = right.copy()
    hole[(-1,) * right.ndim] = np.nan
    spoilt = [
        ("times 1.0005", (right * right.dtype.type(SLIGHTLY))),
        ("with one value times 1.0005", one),
        ("with a NaN", hole),
        ("with one more axis", right[None]),
        ("as float16", right.astype(np.float16)),
    ]
    if right.ndim > 1:
        spoilt += [
            ("turned by 180°", np.ascontiguousarray(right[..., ::-1])),
            ("transposed", np.ascontiguousarray(right.swapaxes(-1, -2))),
        ]
    return spoilt


def _expect(
    agreement: bool,
    what: str,
    case: Case,
    dtype: str,
    expected: Numbers | None,
    answer: Numbers | None,
) -> None:
    def subject(_: Case) -> Numbers:
        if answer is None:
            raise Refused("on purpose")
        return answer

    tally = Tally()
    tally.judge("comparer", case, dtype, expected, subject)
    if bool(tally.disagreements()) == agreement:
        verdict = "wrong" if agreement else "right"
        raise RuntimeError(f"the comparer calls {what} in {dtype} {verdict}")
