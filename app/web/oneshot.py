"""One picture, one layer, one request: for shells and scripts."""

from collections.abc import Callable, Mapping

import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import Response

from app.service.answers import Answer, backward_answer, forward_answer
from app.service.compute import Compute
from app.service.memory import Writing
from app.service.oneshot import OneShot
from app.service.pictures import Pictures
from app.service.slots import Slots
from app.service.specs import PictureInput, Returning, ShapeInput, Spec
from app.web import answer_schemas, describing, schemas
from app.web.answering import Timing, answer_in_slot, writing
from app.web.bodies import validated
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

    def made(compute: Compute, spec: Spec, asked: schemas.OneShot, media_type: str) -> Answer:
        run = compute.forward(spec, _how(asked, media_type), remember=False)
        return forward_answer(spec, run, Returning())

    def refuse(compute: Compute, spec: Spec, asked: schemas.OneShot, media_type: str) -> None:
        compute.refuse_forward(spec, _how(asked, media_type))

    return await _answer(request, CONVOLVE_FIELDS, made, refuse)


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
        loss, how = asked.loss.to_loss(), _how(asked, media_type, summed=media_type == PNG)
        result = compute.backward(spec, loss, ("input",), how, remember=False)
        answer = backward_answer(result, Returning())
        if media_type == PNG:
            # One heat map: how the loss grows with the brightness of the pixel as a whole.
            answer.arrays["input"] = answer.arrays["input"].sum(axis=1, keepdims=True)
        return answer

    def refuse(compute: Compute, spec: Spec, asked: schemas.OneShot, media_type: str) -> None:
        how = _how(asked, media_type, summed=media_type == PNG)
        compute.refuse_backward(spec, asked.loss.to_loss(), ("input",), how, remember=False)

    return await _answer(request, GRADIENT_FIELDS, made, refuse)


def _how(asked: schemas.OneShot, media_type: str, *, summed: bool = False) -> Writing:
    return writing(media_type, Returning(), asked.render.to_rendering(), summed=summed)


async def _answer(
    request: Request,
    places: Mapping[str, Place],
    made: Callable[[Compute, Spec, schemas.OneShot, str], Answer],
    refuse: Callable[[Compute, Spec, schemas.OneShot, str], None],
) -> Response:
    timing = Timing()
    media_type = choose(request.headers.get("accept"), PICTURE_FIRST)
    content, fields = await read_picture_form(request)
    service: Compute = request.app.state.compute
    pictures: Pictures = request.app.state.pictures
    reading: Slots = request.app.state.reading
    with told_in_form(places, fields):
        asked, shot = await reading.run(lambda: _read(request, content, fields, places))
        timing.mark("parse")

        def compute(mark: Mark) -> bytes:
            spec = shot.with_input(pictures, lambda spec: refuse(service, spec, asked, media_type))
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
    request: Request, content: bytes, fields: Mapping[str, str], places: Mapping[str, Place]
) -> tuple[schemas.OneShot, OneShot]:
    spec = request_of(fields, places, request.app.state.settings)
    asked = validated(schemas.OneShot, spec, {})
    return asked, _shot(content, asked)


def _shot(content: bytes, asked: schemas.OneShot) -> OneShot:
    picture = PictureInput(
        color=asked.input.color, range=asked.input.range, max_side=asked.input.max_side
    )
    layers = tuple(layer.to_engine() for layer in asked.layers)
    return OneShot(content, picture, Spec(ShapeInput((1, 1)), layers, np.dtype(asked.dtype)))
