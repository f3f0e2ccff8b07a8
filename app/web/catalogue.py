"""What a client may look up: the named kernels, and every limit in force."""

from typing import Any

from fastapi import APIRouter, Request, Response

from app.engine.kernels import PRESETS
from app.settings import Settings
from app.web.caching import cached, not_modified, tag
from app.web.problems import documented

router = APIRouter(tags=["catalogue"])

_KERNEL = {
    "name": "sobel_x",
    "matrix": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "finds": "Vertical edges.",
    "source": "I. Sobel and G. Feldman, 1968",
}


def _listed() -> dict[str, Any]:
    return {
        "kernels": [
            {
                "name": preset.name,
                "matrix": preset.matrix.tolist(),
                "finds": preset.finds,
                "source": preset.source,
            }
            for preset in PRESETS.values()
        ]
    }


@router.get(
    "/kernels",
    summary="The named kernels",
    responses={
        200: {"content": {"application/json": {"example": {"kernels": [_KERNEL]}}}},
        304: {"description": "The client has it already."},
        **documented(422),
    },
)
def kernels(request: Request, response: Response) -> Any:
    """List what `{"preset": name}` may name: the matrix, what it finds, where it comes from."""
    listed = _listed()
    etag = tag(listed)
    if (known := not_modified(request, etag)) is not None:
        return known
    cached(response, etag)
    return listed


@router.get(
    "/limits",
    summary="Every limit in force",
    responses={
        200: {"content": {"application/json": {"example": {"layers": 32, "stride": 64}}}},
        **documented(422),
    },
)
def limits(request: Request) -> dict[str, float | int]:
    """Return every limit by name, as numbers."""
    settings: Settings = request.app.state.settings
    return settings.limits()
