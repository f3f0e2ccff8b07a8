"""The pages, their static files and nothing else: no page has a private door into the API."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.templating import Jinja2Templates
from starlette.responses import Response

from app.settings import asset_directory
from app.web.static import StaticAssets, version_of

# Ask each time: an upgraded server must never be met with the page of an old one.
FRESH = "no-cache"


STATIC_DIRECTORY = asset_directory("static")
VERSION = version_of(STATIC_DIRECTORY)
STATIC = f"/static/{VERSION}"
TEMPLATES_DIRECTORY = asset_directory("templates")
# Named in the page, all are fetched at once; found by the imports, only one level after another.
MODULES = sorted(file.name for file in (STATIC_DIRECTORY / "js").glob("*.js"))
WORKER = Path("js", "offline", "worker.js")
# The pages that need no more than their files: the API's would be of no use without the API.
KEPT_PAGES = ["/", "/lessons"]


def _kept_offline() -> list[str]:
    """Return the addresses of the pages to be kept, and of all that they may need."""
    names = {
        file.relative_to(STATIC_DIRECTORY)
        for suffix in ("js", "css", "svg")
        for file in STATIC_DIRECTORY.rglob(f"*.{suffix}")
    }
    needed = {name for name in names if not {"docs", "swagger-ui"} & set(name.parts)} - {WORKER}
    return [*KEPT_PAGES, *sorted(f"{STATIC}/{name.as_posix()}" for name in needed)]


def lab_link(**state: object) -> str:
    """Return the address that opens the lab with `state`, as `static/js/link.js` reads it."""
    code = base64.urlsafe_b64encode(json.dumps(state, separators=(",", ":")).encode())
    return f"/#1:{code.decode().rstrip('=')}"


WORKER_SCRIPT = (
    f"const VERSION = {json.dumps(f'{VERSION}-{version_of(TEMPLATES_DIRECTORY)}')};\n"
    f"const FILES = {json.dumps(_kept_offline())};\n"
    + (STATIC_DIRECTORY / WORKER).read_text(encoding="utf-8")
)

router = APIRouter(include_in_schema=False)
templates = Jinja2Templates(directory=TEMPLATES_DIRECTORY)
templates.env.globals["lab_link"] = lab_link
assets = StaticAssets(STATIC_DIRECTORY, VERSION)


@router.get("/")
async def lab(request: Request) -> Response:
    """Serve the lab; its whole state lives in the link's fragment, which never comes here."""
    return _page(request, "index.html", modules=MODULES)


@router.get("/worker.js")
async def worker() -> Response:
    """Serve what keeps the page in the browser; from here it may keep the page at `/`."""
    headers = {"Cache-Control": FRESH}
    return Response(WORKER_SCRIPT, media_type="text/javascript", headers=headers)


@router.get("/lessons")
async def lessons(request: Request) -> Response:
    """Serve the lessons, whose links open the lab in the state that a step begins with."""
    return _page(request, "lessons.html")


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Serve the interactive description of the API, with no file from elsewhere."""
    return _page(request, "docs.html", description=request.app.openapi_url)


def _page(request: Request, name: str, **values: object) -> Response:
    answer = templates.TemplateResponse(request, name, {"static": STATIC, **values})
    answer.headers["Cache-Control"] = FRESH
    answer.headers["Vary"] = "Accept-Encoding"
    if "gzip" in request.headers.get("accept-encoding", ""):
        answer.body = gzip.compress(answer.body, mtime=0)
        answer.headers["Content-Encoding"] = "gzip"
        answer.headers["Content-Length"] = str(len(answer.body))
    return answer
