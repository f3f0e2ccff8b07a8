"""The rooms of the house: imports point downward only."""

import ast
from pathlib import Path

import pytest

APP = Path(__file__).parents[1] / "app"
ALLOWED = {
    "engine": {"engine"},
    "imaging": {"imaging"},
    "service": {"service", "imaging", "engine", "settings"},
    "web": {"web", "service", "imaging", "engine", "settings"},
    "samples": set(),
    "settings": set(),
    "client": {"client", "engine"},
    "main": {"web", "service", "imaging", "settings"},
    "cli": {"cli", "client", "main", "service", "settings", "web"},
    "__main__": {"cli"},
    "__init__": set(),
}
OUTSIDE_NOT_ALLOWED = {
    "engine": {"PIL", "fastapi", "starlette", "pydantic", "httpx", "safetensors", "uvicorn"},
    "imaging": {"fastapi", "starlette", "pydantic", "httpx", "uvicorn"},
    "service": {"PIL", "fastapi", "starlette", "pydantic", "httpx", "uvicorn"},
    "client": {"PIL", "fastapi", "starlette", "pydantic", "uvicorn"},
    "cli": {"PIL", "fastapi", "starlette", "pydantic", "uvicorn"},
}


def imported_modules(path: Path) -> set[str]:
    """Return the full dotted names that a module imports, wherever the import stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names


def room_of(path: Path) -> str:
    return path.relative_to(APP).parts[0].removesuffix(".py")


MODULES = sorted(APP.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(APP)))
def test_module_imports_only_from_rooms_below(path: Path) -> None:
    room = room_of(path)
    for name in imported_modules(path):
        parts = name.split(".")
        if parts[0] == "app" and len(parts) > 1:
            assert parts[1] in ALLOWED[room], f"{path.relative_to(APP)} imports {name}"
        assert parts[0] not in OUTSIDE_NOT_ALLOWED.get(room, set()), f"{path} imports {name}"


def test_engine_needs_only_numpy_and_the_standard_library() -> None:
    import sys

    legal = set(sys.stdlib_module_names) | {"numpy", "app"}
    for path in (APP / "engine").rglob("*.py"):
        for name in imported_modules(path):
            assert name.split(".")[0] in legal, f"{path.relative_to(APP)} imports {name}"
