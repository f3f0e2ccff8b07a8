"""The routes that compute on a network spec."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import Response

from app.service.answers import Answer, backward_answer, forward_answer
from app.service.compute import Compute
from app.service.slots import Slots
from app.service.specs import Returning
from app.web import answer_schemas, describing
from app.web.answering import Timing, answer_in_slot, answered, writing
from app.web.bodies import read_body
from app.web.envelopes import (
    explain_envelope,
    gradcheck_envelope,
    shapes_envelope,
)
from app.web.negotiation import ARRAY_FORMS, JSON, PNG, choose
from app.web.picturing import write
from app.web.schemas import BackwardBody, ExplainBody, ForwardBody, GradcheckBody, ShapesBody
from app.web.wire import as_json

router = APIRouter(tags=["computing"])

Mark = Callable[[str], None]


@router.post(
    "/forward",
    summary="Run the network: feature maps of any layer",
    response_class=Response,
    openapi_extra=describing.body(ForwardBody, describing.FORWARD_EXAMPLES),
    responses=describing.answers(answer_schemas.ForwardAnswer, *describing.ARRAY_FORMS),
)
async def forward(request: Request) -> Response:
    """Compute every layer and return the maps that `return` asks for, the last ones by default."""
    timing = Timing()
    media_type = choose(request.headers.get("accept"), ARRAY_FORMS)
    body = await read_body(request, ForwardBody)
    spec, returning = body.to_spec(), _returning(body, media_type)
    drawing, shade = body.render.to_rendering(), body.input.range
    service: Compute = request.app.state.compute
    timing.mark("parse")

    def compute(mark: Mark) -> bytes:
        run = service.forward(spec, writing(media_type, returning, drawing))
        mark("compute")
        answer = forward_answer(spec, run, returning)
        content = write(answer, media_type, drawing, lambda: run.tape.input, shade)
        mark("serialise")
        return content

    return await answer_in_slot(request, media_type, timing, compute)


@router.post(
    "/backward",
    summary="Differentiate a loss: gradients of any input or parameter",
    response_class=Response,
    openapi_extra=describing.body(BackwardBody, describing.BACKWARD_EXAMPLES),
    responses=describing.answers(answer_schemas.BackwardAnswer, *describing.ARRAY_FORMS),
)
async def backward(request: Request) -> Response:
    """Compute a loss and its gradients by the names in `return.gradients`."""
    timing = Timing()
    media_type = choose(request.headers.get("accept"), ARRAY_FORMS)
    body = await read_body(request, BackwardBody)
    spec, returning, loss = body.to_spec(), _returning(body, media_type), body.loss.to_loss()
    drawing, shade = body.render.to_rendering(), body.input.range
    service: Compute = request.app.state.compute
    timing.mark("parse")

    def compute(mark: Mark) -> bytes:
        how = writing(media_type, returning, drawing)
        result = service.backward(spec, loss, returning.gradients, how)
        mark("compute")
        answer = backward_answer(result, returning)
        content = write(answer, media_type, drawing, lambda: service.input(spec), shade)
        mark("serialise")
        return content

    return await answer_in_slot(request, media_type, timing, compute)


@router.post(
    "/explain",
    summary="Every term of one number",
    response_class=Response,
    openapi_extra=describing.body(ExplainBody, describing.EXPLAIN_EXAMPLES),
    responses=describing.answers(answer_schemas.ExplainAnswer),
)
async def explain(request: Request) -> Response:
    """Take apart a feature, an input gradient or a kernel gradient into products and their sum."""
    timing = Timing()
    choose(request.headers.get("accept"), (JSON,))
    body = await read_body(request, ExplainBody)
    spec, place, loss = body.to_spec(), body.at.to_place(), body.loss.to_loss()
    service: Compute = request.app.state.compute
    timing.mark("parse")

    def compute(mark: Mark) -> bytes:
        explanation = service.explain(spec, place, loss)
        mark("compute")
        return as_json(Answer(explain_envelope(explanation)))

    return await answer_in_slot(request, JSON, timing, compute)


@router.post(
    "/gradcheck",
    summary="A gradient beside its finite differences",
    response_class=Response,
    openapi_extra=describing.body(GradcheckBody, describing.GRADCHECK_EXAMPLES),
    responses=describing.answers(answer_schemas.GradcheckAnswer),
)
async def gradcheck(request: Request) -> Response:
    """Compute elements of a gradient in two ways, in float64: backpropagation and differences."""
    timing = Timing()
    choose(request.headers.get("accept"), (JSON,))
    body = await read_body(request, GradcheckBody, "float64")
    spec, loss = replace(body.to_spec(), dtype=np.dtype(np.float64)), body.loss.to_loss()
    service: Compute = request.app.state.compute
    timing.mark("parse")

    def compute(mark: Mark) -> bytes:
        checks = service.gradcheck(spec, loss, body.wrt, body.indices, body.step, body.seed)
        mark("compute")
        return as_json(Answer(gradcheck_envelope(body.wrt, body.step, checks)))

    return await answer_in_slot(request, JSON, timing, compute)


@router.post(
    "/shapes",
    summary="Shapes, padding, receptive fields and costs; computes nothing",
    response_class=Response,
    openapi_extra=describing.body(ShapesBody, describing.SHAPES_EXAMPLES),
    responses=describing.answers(answer_schemas.ShapesAnswer),
)
async def shapes(request: Request) -> Response:
    """Tell what each layer would do; an illegal layer is reported in place."""
    timing = Timing()
    choose(request.headers.get("accept"), (JSON,))
    body = await read_body(request, ShapesBody)
    service: Compute = request.app.state.compute
    reading: Slots = request.app.state.reading
    timing.mark("parse")

    def tell() -> bytes:
        prospect = service.shapes(body.to_spec())
        timing.mark("compute")
        return as_json(Answer(shapes_envelope(prospect, service.settings.working_bytes)))

    return answered(await reading.run(tell), JSON, timing)


def _returning(body: ForwardBody | BackwardBody, media_type: str) -> Returning:
    """Return what goes back; a picture is drawn from exact values, not from codes for display."""
    returning = body.returning.to_returning()
    return replace(returning, dtype=None) if media_type == PNG else returning
