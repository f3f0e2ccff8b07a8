"""Whatever a request says, the answer is 200 or a problem that the contract knows: never a 500."""

import json
import math
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine.layers import LAYER_TYPES
from tests.web.api.calling import Api

QUICK = settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# A step beyond what is legal on either side, and the numbers on which code tends to trip.
SMALL = st.integers(-1, 4)
ODD = st.sampled_from([0, -1, 2**31 - 1, 2**31, 10**30, 1e308, -1e308, 1e-320, 0.5, True, None, ""])
EXTREMES = st.sampled_from([1.7e308, -1.7e308, 1e300, 3.4e38, -3.4e38, 1e20, 1e-300, 5e-324, 0, 2])
NUMBER = st.one_of(SMALL, st.floats(-3, 3, allow_nan=False), ODD)
PAIR = st.lists(SMALL, min_size=1, max_size=3)
GEOMETRY = st.one_of(SMALL, PAIR, ODD)
PADDING = st.one_of(
    GEOMETRY,
    st.lists(PAIR, min_size=2, max_size=2),
    st.sampled_from(["valid", "same", "same_lower", "full", "keep", "none"]),
)


def nested(depth: int) -> st.SearchStrategy[Any]:
    cells: st.SearchStrategy[Any] = st.floats(-3, 3, allow_nan=False, width=32)
    for _ in range(depth):
        cells = st.lists(cells, min_size=1, max_size=3)
    return cells


ARRAY = st.one_of(*(nested(depth) for depth in range(5)))


@st.composite
def regular(draw: Any) -> Any:
    shape = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    count = math.prod(shape)
    numbers = draw(st.sampled_from([st.integers(-3, 3), EXTREMES]))
    flat = iter(draw(st.lists(numbers, min_size=count, max_size=count)))

    def build(axes: list[int]) -> Any:
        return [build(axes[1:]) for _ in range(axes[0])] if axes else next(flat)

    return build(shape)


ARRAYS = st.one_of(regular(), regular(), ARRAY, NUMBER)
RANDOM = st.fixed_dictionaries(
    {},
    optional={
        "filters": SMALL,
        "features": SMALL,
        "size": GEOMETRY,
        "init": st.sampled_from(["he_normal", "uniform", "none"]),
        "seed": st.integers(-1, 2**31),
    },
)
KERNEL = st.one_of(
    ARRAYS,
    st.fixed_dictionaries({"random": RANDOM}),
    st.fixed_dictionaries({"preset": st.sampled_from(["sobel_x", "box", "nonsense", 3])}),
)
FIELDS = {
    "kernel": KERNEL,
    "weight": st.one_of(ARRAYS, st.fixed_dictionaries({"random": RANDOM})),
    "bias": ARRAYS,
    "mean": ARRAYS,
    "variance": ARRAYS,
    "eps": NUMBER,
    "slope": NUMBER,
    "axis": SMALL,
    "stride": GEOMETRY,
    "padding": PADDING,
    "padding_mode": st.sampled_from(["zeros", "reflect", "replicate", "circular"]),
    "output_padding": GEOMETRY,
    "dilation": GEOMETRY,
    "groups": SMALL,
    "flip": st.booleans(),
    "size": GEOMETRY,
    "ceil_mode": st.booleans(),
    "count_include_pad": st.booleans(),
    "name": st.text(max_size=5),
}
NEEDED = {
    "conv": ("kernel",),
    "max_pool": ("size",),
    "avg_pool": ("size",),
    "prelu": ("weight",),
    "dense": ("weight",),
    "batch_norm": ("mean", "variance"),
}
USED = {
    "conv_transpose": ("bias", "stride", "padding", "output_padding", "dilation", "groups"),
    "conv": ("bias", "stride", "padding", "padding_mode", "dilation", "groups", "flip"),
    "max_pool": ("stride", "padding", "dilation", "ceil_mode"),
    "avg_pool": ("stride", "padding", "ceil_mode", "count_include_pad"),
    "batch_norm": ("weight", "bias", "eps"),
    "dense": ("bias",),
    "leaky_relu": ("slope",),
    "softmax": ("axis",),
}


@st.composite
def layer(draw: Any) -> Any:
    name = draw(st.sampled_from(sorted(LAYER_TYPES)))
    needed = next((fields for start, fields in NEEDED.items() if name.startswith(start)), ())
    used = next((fields for start, fields in USED.items() if name.startswith(start)), ())
    members = {field: draw(FIELDS[field]) for field in needed}
    for field in used:
        if draw(st.integers(0, 3)) == 0:
            members[field] = draw(FIELDS[field])
    return {"type": name, **members}


SPEC = st.fixed_dictionaries(
    {
        "input": st.one_of(
            st.fixed_dictionaries({"array": regular()}),
            st.fixed_dictionaries({"array": ARRAYS}),
            st.just({"sample": "pixel", "max_side": 9}),
        ),
        "layers": st.lists(layer(), max_size=4),
    },
    optional={"dtype": st.sampled_from(["float32", "float64"])},
)
LOSS = st.one_of(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["sum", "mean", "l2"])},
        optional={
            "select": st.fixed_dictionaries(
                {}, optional={"layer": SMALL, "channels": PAIR, "rows": PAIR, "cols": PAIR}
            )
        },
    ),
    st.fixed_dictionaries({"type": st.just("mse"), "target": ARRAYS}),
    st.fixed_dictionaries({"type": st.just("cross_entropy"), "target": st.one_of(SMALL, PAIR)}),
    st.fixed_dictionaries({"type": st.just("upstream"), "values": ARRAYS}),
)
NAMES = st.sampled_from(["input", *(f"layers.{i}.{f}" for i in (0, 1) for f in ("kernel", "bias"))])


def answered(api: Api, route: str, body: Any, accept: str = "application/json") -> None:
    answer = (
        api.post_text(route, json.dumps(body))
        if accept == "application/json"
        else api.post(route, body, accept)
    )
    assert answer.status_code in (200, 400, 404, 422), (answer.status_code, body, answer.text)
    if answer.status_code == 200 and accept == "application/json":
        json.loads(answer.content, parse_constant=lambda name: 1 / 0)
    if answer.status_code == 422:
        problem = answer.json()
        assert problem.get("errors") or "estimated" in problem, problem


@QUICK
@given(SPEC, st.sampled_from(["uint8", "uint16", "float32", "float64"]), SMALL)
def test_forward_answers_whatever_it_is_asked(api: Api, spec: Any, dtype: str, side: int) -> None:
    asked = {**spec, "return": {"layers": "all", "dtype": dtype, "max_side": side}}
    answered(api, "/forward", asked)
    answered(api, "/shapes", spec)


@QUICK
@given(SPEC, LOSS, st.lists(NAMES, max_size=3))
def test_backward_answers_whatever_it_is_asked(
    api: Api, spec: Any, loss: Any, names: list[str]
) -> None:
    answered(api, "/backward", {**spec, "loss": loss, "return": {"gradients": names}})


@QUICK
@given(SPEC, LOSS, NAMES, st.sampled_from(["feature", "input_gradient", "kernel_gradient"]), PAIR)
def test_explanations_and_checks_answer_whatever_they_are_asked(
    api: Api, spec: Any, loss: Any, name: str, kind: str, place: list[int]
) -> None:
    at = {kind: dict(zip(("layer", "channel", "col"), place, strict=False))}
    answered(api, "/explain", {**spec, "loss": loss, "at": at})
    answered(api, "/gradcheck", {**spec, "loss": loss, "wrt": name})


@QUICK
@given(SPEC)
def test_pictures_are_drawn_of_whatever_was_computed(api: Api, spec: Any) -> None:
    answered(api, "/forward", spec, "image/png")


JSONISH = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBER, st.text(max_size=6)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["input", "layers", "type", "array", "kernel", "return", "loss", "x"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@QUICK
@given(JSONISH, st.sampled_from(["/forward", "/backward", "/shapes", "/explain", "/gradcheck"]))
def test_any_json_is_answered(api: Api, value: Any, route: str) -> None:
    answered(api, route, value)


@QUICK
@given(st.binary(max_size=60), st.sampled_from(["application/json", "application/x-safetensors"]))
def test_any_bytes_are_answered(api: Api, content: bytes, kind: str) -> None:
    answer = api.request("POST", "/forward", content=content, headers={"content-type": kind})
    assert answer.status_code in (400, 422)
