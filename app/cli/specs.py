"""Spec files: what the API takes as a request, as JSON or YAML."""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from app.cli.exits import CommandError
from app.service.errors import MalformedBody
from app.web import strict_json

DEPTH = 64
SOURCES = ("image", "sample", "array", "shape")
MEMBERS = (
    "input",
    "layers",
    "dtype",
    "return",
    "render",
    "loss",
    "at",
    "wrt",
    "indices",
    "step",
    "seed",
)


@dataclass(frozen=True)
class Spec:
    """A network spec with whatever else a request may hold.

    Attributes:
        path: Where it was read.
        members: Its members.
    """

    path: str
    members: dict[str, Any]

    @property
    def layers(self) -> list[Any]:
        """The layers."""
        layers: list[Any] = self.members["layers"]
        return layers

    @property
    def input(self) -> dict[str, Any] | None:
        """The input, or None."""
        return self.members.get("input")

    def on(self, image: str) -> dict[str, Any]:
        """Return an uploaded picture as an input that is read as the spec says."""
        given = self.input or {}
        return {**{name: one for name, one in given.items() if name not in SOURCES}, "image": image}

    def take(self, *names: str) -> dict[str, Any]:
        """Return the members of these names that are there."""
        return {name: self.members[name] for name in names if name in self.members}

    def with_members(self, **given: Any) -> Spec:
        """Return the spec with these members instead of its own, but for those that are None."""
        told = {name: value for name, value in given.items() if value is not None}
        return replace(self, members={**self.members, **told})


def read_spec(path: str) -> Spec:
    """Return the spec of a file, or that of stdin for `-`.

    Raises:
        CommandError: It cannot be read, or is no spec.
    """
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except FileNotFoundError as error:
        raise CommandError(f"{path}: there is no such spec.") from error
    except OSError as error:
        raise CommandError(f"{path}: the spec cannot be read: {error.strerror}.") from error
    content = content.removeprefix(codecs.BOM_UTF8)  # some editors put it before any text
    is_yaml = path.lower().endswith((".yaml", ".yml"))
    is_json = not is_yaml and (path.endswith(".json") or content.lstrip()[:1] in (b"{", b"["))
    value = _from_json(path, content) if is_json else _from_yaml(path, content)
    if not isinstance(value, dict) or not isinstance(value.get("layers"), list):
        raise CommandError(f"{path}: a spec is an object with a list of layers.")
    for name in value:
        if name not in MEMBERS:
            raise CommandError(
                f"{path}: a spec has no member {name!r}; legal are {', '.join(MEMBERS)}."
            )
    for name in ("input", "return", "render"):
        if not isinstance(value.get(name, {}), dict):
            raise CommandError(f"{path}: {name} is an object.")
    return Spec(path, value)


def read_loss(text: str | None) -> Any:
    """Return a loss given as a word or as JSON.

    Raises:
        CommandError: It is neither.
    """
    if text is None or re.fullmatch(r"\w+", text):
        return text and {"type": text}
    return _from_json("--loss", text.encode())


def _from_json(path: str, content: bytes) -> Any:
    try:
        return strict_json.parse(content, DEPTH, "text")
    except MalformedBody as error:
        raise CommandError(f"{path}: {error.message}") from error


class _Loader(yaml.SafeLoader):
    """YAML's JSON-like part: no key twice, and 1e-3 is a number as in JSON."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [str(key.value) for key, _ in node.value]
        if len(set(keys)) < len(keys):
            raise yaml.constructor.ConstructorError(
                None, None, "an object holds the same key twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)\Z"),
    list("-+.0123456789"),
)


def _from_yaml(path: str, content: bytes) -> Any:
    try:
        value = yaml.load(content, _Loader)  # noqa: S506 - it is a safe loader
        json.dumps(value)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise CommandError(f"{path}: this is not valid YAML: {error.problem}{where}.") from error
    except RecursionError as error:
        raise CommandError(f"{path}: the YAML is nested too deeply.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: this is neither JSON nor YAML.") from error
    except (TypeError, ValueError) as error:
        raise CommandError(f"{path}: the YAML holds what JSON cannot write: {error}.") from error
    return value
