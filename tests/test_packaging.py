"""The built wheel works from any folder: command, page, styles and templates included."""

import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

from app.web.pages import STATIC
from tests.serving import ROOT, serving


@pytest.fixture(scope="module")
def unpacked_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True)
    (wheel,) = folder.glob("convscope-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_wheel_names_the_command(unpacked_wheel: Path) -> None:
    (entry_points,) = unpacked_wheel.glob("*.dist-info/entry_points.txt")
    assert "convscope = app.cli:main" in entry_points.read_text(encoding="utf-8")


def test_wheel_serves_the_page_with_its_styles_and_scripts(
    unpacked_wheel: Path, tmp_path: Path
) -> None:
    environment = {
        "PYTHONPATH": str(unpacked_wheel),
        "CONVSCOPE_STORE_DIR": str(tmp_path / "store"),
    }
    with serving(tmp_path, **environment) as url, httpx.Client(base_url=url) as client:
        assert "Convscope" in client.get("/").text
        for folder in ("css", "js"):
            for file in sorted((ROOT / "static" / folder).rglob("*.*")):
                path = file.relative_to(ROOT / "static").as_posix()
                assert client.get(f"{STATIC}/{path}").content == file.read_bytes()
        assert client.get("/api/v1/samples").status_code == 200
