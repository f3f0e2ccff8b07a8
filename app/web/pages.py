"""The page, its static files and nothing else: the page has no private door into the API."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.templating import Jinja2Templates
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.settings import asset_directory

# Ask each time, which costs a 304: an upgraded server must never meet the scripts of an old one.
FRESH = "no-cache"

router = APIRouter(include_in_schema=False)
templates = Jinja2Templates(directory=asset_directory("templates"))


class StaticAssets(StaticFiles):
    """The page's scripts, styles and pictures."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file at `path`, to be asked for again each time."""
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = FRESH
        return answer


@router.api_route("/", methods=["GET", "HEAD"])
async def lab(request: Request) -> Response:
    """Serve the lab; its whole state lives in the link's fragment, which never comes here."""
    return _page(request, "index.html")


@router.api_route("/docs", methods=["GET", "HEAD"])
async def docs(request: Request) -> Response:
    """Serve the interactive description of the API, with no file from elsewhere."""
    return _page(request, "docs.html", description=request.app.openapi_url)


def _page(request: Request, name: str, **values: object) -> Response:
    answer = templates.TemplateResponse(request, name, values)
    answer.headers["Cache-Control"] = FRESH
    return answer
