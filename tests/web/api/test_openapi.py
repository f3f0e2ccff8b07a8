"""The API's description is true: examples run, answers have the shapes that are told."""

import json
from typing import Any

import pytest
from safetensors import deserialize

from app.service.samples import find_picture
from app.web import answer_schemas, describing
from tests.web.api.calling import Api

JSON_ROUTES = {
    "/forward": (describing.FORWARD_EXAMPLES, answer_schemas.ForwardAnswer),
    "/backward": (describing.BACKWARD_EXAMPLES, answer_schemas.BackwardAnswer),
    "/explain": (describing.EXPLAIN_EXAMPLES, answer_schemas.ExplainAnswer),
    "/gradcheck": (describing.GRADCHECK_EXAMPLES, answer_schemas.GradcheckAnswer),
    "/shapes": (describing.SHAPES_EXAMPLES, answer_schemas.ShapesAnswer),
}
COMPUTING = [*JSON_ROUTES, "/convolve", "/gradient"]


@pytest.fixture(scope="module")
def description(api: Api) -> Any:
    return api.get("/openapi.json").json()


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        found = {value["$ref"]} if "$ref" in value else set()
        return found.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("route", JSON_ROUTES)
def test_examples_run_and_answer_in_the_described_shape(
    api: Api, description: Any, route: str
) -> None:
    told = description["paths"]["/api/v1" + route]["post"]["requestBody"]["content"]
    examples = told["application/json"]["examples"]
    assert set(examples) == set(JSON_ROUTES[route][0])
    for example in examples.values():
        answer = api.post(route, example["value"])
        assert answer.status_code == 200, answer.text
        JSON_ROUTES[route][1].model_validate_json(answer.content)


@pytest.mark.parametrize("route", ["/convolve", "/gradient"])
def test_examples_of_forms_run(api: Api, description: Any, route: str) -> None:
    told = description["paths"]["/api/v1" + route]["post"]["requestBody"]["content"]
    for example in told["multipart/form-data"]["examples"].values():
        picture = find_picture("camera").content
        answer = api.request("POST", route, files={"image": picture}, data=example["value"])
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "image/png"


def test_every_reference_leads_somewhere(description: Any) -> None:
    schemas = description["components"]["schemas"]
    missing = {one for one in references(description) if one.rsplit("/", 1)[-1] not in schemas}
    assert not missing


@pytest.mark.parametrize("route", COMPUTING)
def test_computing_routes_declare_every_status_they_can_answer(
    description: Any, route: str
) -> None:
    declared = set(description["paths"]["/api/v1" + route]["post"]["responses"])
    wanted = {"200", "400", "401", "403", "404", "406", "413", "415", "422", "500", "503"}
    assert wanted <= declared


def test_description_is_openapi_3_1_and_valid_json(description: Any) -> None:
    assert description["openapi"].startswith("3.1")
    assert json.dumps(description, allow_nan=False)


@pytest.mark.parametrize("route", ["/forward", "/backward"])
def test_envelope_of_the_binary_form_has_the_described_shape(api: Api, route: str) -> None:
    examples, model = JSON_ROUTES[route]
    for body in examples.values():
        answer = api.post(route, body, "application/x-safetensors")
        size = int.from_bytes(answer.content[:8], "little")
        header = json.loads(answer.content[8 : 8 + size])
        model.model_validate_json(header["__metadata__"]["response"])
        assert len(deserialize(answer.content)) == len(header) - 1


def test_range_of_a_parameter_in_the_address_is_told(description: Any) -> None:
    (side,) = (
        parameter["schema"]["anyOf"][0]
        for parameter in description["paths"]["/api/v1/images/{image_id}/content"]["get"][
            "parameters"
        ]
        if parameter["name"] == "max_side"
    )
    assert side == {"type": "integer", "minimum": 1, "maximum": 16_384}
