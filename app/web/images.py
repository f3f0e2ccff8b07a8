"""Uploads and samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel
from starlette.datastructures import UploadFile

from app import imaging
from app.service import samples
from app.service.pictures import Pictures
from app.service.records import ImageRecord
from app.web.caching import cached, not_modified, tag
from app.web.multipart import read_form
from app.web.offloading import Offloading
from app.web.problems import Problem, documented
from app.web.queries import MaxSide

router = APIRouter(tags=["images"])

T = TypeVar("T")
ImageId = Annotated[str, Path(description="SHA-256 of the picture's bytes, in hexadecimal.")]


class ImageAnswer(BaseModel):
    """What is known of an upload."""

    id: str
    width: int
    height: int
    channels: int
    mode: str
    format: str
    bytes: int
    conversions: list[str]

    @classmethod
    def of(cls, record: ImageRecord) -> ImageAnswer:
        """Say what `record` holds."""
        return cls(**{**vars(record), "conversions": list(record.conversions)})


_EXAMPLE = {
    "id": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "width": 640,
    "height": 480,
    "channels": 3,
    "mode": "RGB",
    "format": "JPEG",
    "bytes": 73_112,
    "conversions": ["EXIF orientation 6 applied"],
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary", "minLength": 1}
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary", "minLength": 1}},
                    "additionalProperties": False,
                }
            },
        },
    }
}
_PNG_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture.", "content": {"image/png": _BINARY}},
    304: {"description": "The client has it already."},
}


def pictures_of(request: Request) -> Pictures:
    """Return the pictures of the application that serves `request`."""
    pictures: Pictures = request.app.state.pictures
    return pictures


async def decoding(request: Request, work: Callable[..., T], *arguments: Any) -> T:
    """Run work that decodes or encodes off the event loop.

    Raises:
        QueueFull: as many wait as may.
    """
    offloading: Offloading = request.app.state.offloading
    return await offloading.run(work, *arguments)


async def read_upload(request: Request) -> bytes:
    """Return the bytes of an upload: the raw body, or the one multipart field `file`.

    Raises:
        Problem: 400, the multipart body is not exactly that, or nothing was sent.
    """
    content_type = request.headers.get("content-type", "")
    if content_type.lower().startswith("multipart/"):
        content = await _read_multipart(request)
    else:
        content = await request.body()
    if not content:
        raise Problem(400, "The upload is empty: send the picture's bytes, or a field `file`.")
    return content


async def _read_multipart(request: Request) -> bytes:
    form = await read_form(request, max_files=1, max_fields=0)
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Problem(
                400, "The multipart body needs one field `file` with a file name and the picture."
            )
        return await file.read()
    finally:
        await form.close()


@router.post(
    "/images",
    status_code=201,
    response_model=ImageAnswer,
    summary="Upload a picture",
    openapi_extra=_UPLOAD_BODY,
    responses={
        200: {"description": "The same bytes were here already.", "model": ImageAnswer},
        201: {
            "description": "Kept.",
            "headers": {"Location": {"schema": {"type": "string"}}},
            "content": {"application/json": {"example": _EXAMPLE}},
        },
        **documented(413, 415, 422, 507),
    },
)
async def upload(request: Request, response: Response) -> ImageAnswer:
    """Keep a picture under the SHA-256 of its bytes, for a week after its last use.

    PNG, JPEG, WebP, GIF, BMP and TIFF are accepted, by content and never by name.
    """
    content = await read_upload(request)
    record, new = await decoding(request, pictures_of(request).upload, content)
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"{request.scope['path'].rstrip('/')}/{record.id}"
    return ImageAnswer.of(record)


@router.get(
    "/images/{image_id}",
    response_model=ImageAnswer,
    summary="What is known of a picture",
    responses={
        200: {"content": {"application/json": {"example": _EXAMPLE}}},
        304: {"description": "The client has it already."},
        **documented(404, 422),
    },
)
def describe(request: Request, response: Response, image_id: ImageId) -> Any:
    """Return the record that the upload answered with."""
    record = pictures_of(request).store.get(image_id)
    etag = tag(record)
    if (known := not_modified(request, etag)) is not None:
        return known
    cached(response, etag)
    return ImageAnswer.of(record)


@router.get(
    "/images/{image_id}/content",
    response_class=Response,
    summary="A picture as PNG",
    responses={**_PNG_ANSWER, **documented(404, 422)},
)
async def content(request: Request, image_id: ImageId, max_side: MaxSide = None) -> Response:
    """Return the picture as it is computed on: upright, 8-bit gray or sRGB, without metadata."""
    pictures = pictures_of(request)
    etag = tag(image_id, max_side)
    await decoding(request, pictures.store.get, image_id)
    if (known := not_modified(request, etag)) is not None:
        return known

    def encode() -> bytes:
        return imaging.png(imaging.scaled(pictures.pixels(image_id), max_side))

    return cached(Response(await decoding(request, encode), media_type="image/png"), etag)


@router.delete(
    "/images/{image_id}",
    status_code=204,
    response_class=Response,
    summary="Forget a picture",
    responses=documented(404, 409, 422),
)
def forget(request: Request, image_id: ImageId) -> Response:
    """Delete the picture; its id answers 404 from now on."""
    pictures_of(request).delete(image_id)
    return Response(status_code=204)


@router.get(
    "/samples",
    summary="Built-in pictures and arrays",
    responses={304: {"description": "The client has it already."}, **documented(422)},
)
def list_samples(request: Request, response: Response) -> Any:
    """List what `{"sample": name}` may name in an input, with licence and source."""
    listed = {"samples": [_describe(request, one) for one in samples.SAMPLES.values()]}
    etag = tag(listed)
    return not_modified(request, etag) or _with_tag(response, etag, listed)


@router.get(
    "/samples/{name}/content",
    response_class=Response,
    summary="A sample picture",
    responses={
        200: {
            "description": "The picture's file.",
            "content": {"image/jpeg": _BINARY, "image/png": _BINARY},
        },
        304: {"description": "The client has it already."},
        **documented(404, 422),
    },
)
def sample_content(request: Request, name: str) -> Response:
    """Return the file of a sample picture; arrays stand in `GET /samples` itself."""
    sample = samples.find_picture(name)
    etag = tag(sample.content)
    if (known := not_modified(request, etag)) is not None:
        return known
    return cached(Response(sample.content, media_type=sample.media_type), etag)


def _with_tag(response: Response, etag: str, answer: T) -> T:
    cached(response, etag)
    return answer


def _describe(request: Request, sample: samples.Sample) -> dict[str, Any]:
    common = {
        "name": sample.name,
        "title": sample.title,
        "licence": sample.licence,
        "source": sample.source,
    }
    if isinstance(sample, samples.ArraySample):
        return {**common, "kind": "array", "shape": sample.array.shape, "array": sample.values}
    pixels = pictures_of(request).sample_pixels(sample.name)
    return {
        **common,
        "kind": "picture",
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "channels": 1 if pixels.ndim == 2 else 3,
        "url": f"{request.scope['path'].rstrip('/')}/{sample.name}/content",
    }
