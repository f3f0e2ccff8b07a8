"""One picture, one layer, one request: for shells and scripts."""

from collections.abc import Callable, Mapping

import numpy as np
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.service.compute import Compute
from app.service.oneshot import OneShot
from app.service.pictures import Pictures
from app.service.specs import PictureInput, Returning, ShapeInput, Spec
from app.web import answer_schemas, describing, schemas
from app.web.answering import Timing, answer_in_slot
from app.web.bodies import validated
from app.web.envelopes import backward_answer, forward_answer, wire_bytes_a_value
from app.web.forms import (
    CONVOLVE_FIELDS,
    GRADIENT_FIELDS,
    Place,
    meanings,
    read_picture_form,
    request_of,
    told_in_form,
)
from app.web.negotiation import PICTURE_FIRST, PNG, choose
from app.web.picturing import write
from app.web.wire import Answer

router = APIRouter(tags=["one-shots"])

Mark = Callable[[str], None]


@router.post(
    "/convolve",
    summary="One picture through one convolution, by curl",
    response_class=Response,
    openapi_extra=describing.form(meanings(CONVOLVE_FIELDS), describing.CONVOLVE_EXAMPLES),
    responses=describing.answers(answer_schemas.ForwardAnswer, *describing.ARRAY_FORMS),
)
async def convolve(request: Request) -> Response:
    """Convolve the picture of the form; the answer is a PNG unless Accept says otherwise."""

    def made(compute: Compute, spec: Spec, _: schemas.OneShot, media_type: str) -> Answer:
        run = compute.forward(spec, wire_bytes_a_value(media_type), remember=False)
        return forward_answer(spec, run, Returning())

    return await _answer(request, CONVOLVE_FIELDS, made)


@router.post(
    "/gradient",
    summary="Where one picture's loss comes from, by curl",
    response_class=Response,
    openapi_extra=describing.form(meanings(GRADIENT_FIELDS), describing.GRADIENT_EXAMPLES),
    responses=describing.answers(answer_schemas.BackwardAnswer, *describing.ARRAY_FORMS),
)
async def gradient(request: Request) -> Response:
    """Return the gradient of a loss of the convolved picture with respect to the picture."""

    def made(compute: Compute, spec: Spec, asked: schemas.OneShot, media_type: str) -> Answer:
        loss, wire_bytes = asked.loss.to_loss(), _heat_map_bytes(asked, media_type)
        result = compute.backward(spec, loss, ("input",), wire_bytes, remember=False)
        answer = backward_answer(result, Returning())
        if media_type == PNG:
            # One heat map: how the loss grows with the brightness of the pixel as a whole.
            answer.arrays["input"] = answer.arrays["input"].sum(axis=1, keepdims=True)
        return answer

    return await _answer(request, GRADIENT_FIELDS, made, _heat_map_bytes)


def _map_bytes(_: schemas.OneShot, media_type: str) -> float:
    return wire_bytes_a_value(media_type)


def _heat_map_bytes(asked: schemas.OneShot, media_type: str) -> float:
    """Return the memory one value of a gradient takes while written: as PNG, channels are one."""
    drawn_of = 3 if media_type == PNG and asked.input.color == "rgb" else 1
    return wire_bytes_a_value(media_type) / drawn_of


async def _answer(
    request: Request,
    places: Mapping[str, Place],
    made: Callable[[Compute, Spec, schemas.OneShot, str], Answer],
    wire_bytes: Callable[[schemas.OneShot, str], float] = _map_bytes,
) -> Response:
    timing = Timing()
    media_type = choose(request.headers.get("accept"), PICTURE_FIRST)
    content, fields = await read_picture_form(request)
    service: Compute = request.app.state.compute
    pictures: Pictures = request.app.state.pictures
    with told_in_form(places, fields):
        asked = await run_in_threadpool(_read, request, fields, places)
        shot = _shot(content, asked)
        timing.mark("parse")

        def compute(mark: Mark) -> bytes:
            spec = shot.with_input(service, pictures, wire_bytes(asked, media_type))
            mark("decode")
            answer = made(service, spec, asked, media_type)
            mark("compute")
            drawing = asked.render.to_rendering()
            written = write(
                answer, media_type, drawing, lambda: service.input(spec), asked.input.range
            )
            mark("serialise")
            return written

        return await answer_in_slot(request, media_type, timing, compute)


def _read(
    request: Request, fields: Mapping[str, str], places: Mapping[str, Place]
) -> schemas.OneShot:
    spec = request_of(fields, places, request.app.state.settings)
    return validated(schemas.OneShot, spec, {})


def _shot(content: bytes, asked: schemas.OneShot) -> OneShot:
    picture = PictureInput(
        color=asked.input.color, range=asked.input.range, max_side=asked.input.max_side
    )
    layers = tuple(layer.to_engine() for layer in asked.layers)
    return OneShot(content, picture, Spec(ShapeInput((1, 1)), layers, np.dtype(asked.dtype)))
