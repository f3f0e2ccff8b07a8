"""Every limit and path of the server in one typed object, read from the environment once."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

PREFIX = "CONVSCOPE_"
MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent


class SettingsError(ValueError):
    """A setting in the environment cannot be read."""


def usable_cores() -> int:
    """Count the cores this process may run on, which a container may have narrowed."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def asset_directory(name: str) -> Path:
    """Find `static` or `templates`: inside the installed package, else beside it in a checkout."""
    packaged = _PACKAGE / name
    return packaged if packaged.is_dir() else _CHECKOUT / name


def default_store() -> Path:
    """Choose where uploads live: `var/` of a checkout, else the user's cache directory."""
    if (_CHECKOUT / "pyproject.toml").is_file():
        return _CHECKOUT / "var" / "images"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "convscope" / "images"


def limit(default: int | float, meaning: str, *, minimum: int | float = 1) -> Any:
    """Declare a number that is in force as a limit and stands in `GET /api/v1/limits`."""
    return dataclasses.field(
        default=default, metadata={"limit": True, "meaning": meaning, "minimum": minimum}
    )


def choice(default: object, meaning: str) -> Any:
    """Declare a setting that is not a limit."""
    return dataclasses.field(default=default, metadata={"limit": False, "meaning": meaning})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What the server is allowed to do; each field is the variable `CONVSCOPE_<FIELD>`."""

    upload_bytes: int = limit(20 * MEBIBYTE, "body of an upload, in bytes")
    json_bytes: int = limit(4 * MEBIBYTE, "JSON body, in bytes")
    json_depth: int = limit(64, "nesting of a JSON body")
    bodies_bytes: int = limit(256 * MEBIBYTE, "bodies of all running requests together, in bytes")
    answers_bytes: int = limit(
        256 * MEBIBYTE, "answers of all connections that wait to be read, in bytes"
    )
    picture_pixels: int = limit(50_000_000, "pixels of a decoded picture")
    picture_side: int = limit(16_384, "longer side of a picture, in pixels")
    picture_scans: int = limit(100, "scans of a JPEG, each of which goes over all its pixels")
    kernel_side: int = limit(63, "rows or columns of a kernel")
    filters: int = limit(512, "filters of a layer")
    layers: int = limit(32, "layers of a network")
    stride: int = limit(64, "stride")
    working_bytes: int = limit(GIBIBYTE, "peak working memory of one request, in bytes")
    compute_slots: int = dataclasses.field(
        default_factory=usable_cores,
        metadata={"limit": True, "meaning": "computations at the same time", "minimum": 1},
    )
    queue_length: int = limit(32, "computations that may wait for a slot", minimum=0)
    queue_seconds: float = limit(5.0, "time a computation may wait for a slot", minimum=0.1)
    deadline_seconds: float = limit(30.0, "time one computation may take, waiting included")
    decoded_bytes: int = limit(256 * MEBIBYTE, "decoded pictures kept in memory, in bytes")
    prefix_bytes: int = limit(256 * MEBIBYTE, "computed layers kept in memory, in bytes", minimum=0)
    gradient_bytes: int = limit(256 * MEBIBYTE, "gradients kept in memory, in bytes", minimum=0)
    store_bytes: int = limit(2 * GIBIBYTE, "uploads kept on disk, in bytes")
    store_days: float = limit(7.0, "days an upload is kept after its last use", minimum=0.0)
    jobs: int = limit(50, "jobs kept, those that have ended included")
    job_items: int = limit(10_000, "pictures of a job")
    job_slots: int = dataclasses.field(
        default_factory=usable_cores,
        metadata={"limit": True, "meaning": "pictures of jobs at the same time", "minimum": 0},
    )
    job_item_seconds: float = limit(
        300.0, "processor time that one picture of a job may take", minimum=0.1
    )
    job_lease_seconds: float = limit(
        15.0, "time after which another process takes over a dead one's pictures", minimum=0.5
    )
    job_streams: int = limit(64, "open streams of events of jobs")
    results_bytes: int = limit(4 * GIBIBYTE, "results of jobs kept on disk, in bytes")
    results_days: float = limit(7.0, "days a job is kept after its end", minimum=0.0)
    header_seconds: float = limit(10.0, "time a client may take to send its headers", minimum=0.1)
    stall_seconds: float = limit(
        10.0, "time without a byte of a body, or of an answer being read", minimum=0.1
    )
    body_seconds: float = limit(120.0, "time a client may take to send a body", minimum=0.1)
    idle_seconds: float = limit(30.0, "time a connection may rest between requests", minimum=0.1)
    drain_seconds: float = limit(20.0, "time running requests get after SIGTERM", minimum=0.0)

    workers: int = dataclasses.field(
        default=1,
        metadata={"limit": False, "meaning": "processes that serve, on Linux", "minimum": 1},
    )
    host: str = choice("127.0.0.1", "address to bind")
    port: int = dataclasses.field(
        default=8000,
        metadata={"limit": False, "meaning": "port to bind", "minimum": 0, "maximum": 65_535},
    )
    allowed_hosts: tuple[str, ...] = choice(
        (), "names this server answers to besides loopback, separated by commas; * for any"
    )
    allow_public: bool = choice(False, "bind a public address without a token")
    log_format: str = choice("text", "how a line of the log is written, text or json")
    token: str = choice("", "secret that every request must carry")
    dask: str = choice(
        "", "address of a Dask scheduler whose workers compute pictures of jobs and of apply"
    )
    store_dir: Path = dataclasses.field(
        default_factory=default_store,
        metadata={"limit": False, "meaning": "directory of the uploads"},
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings, leaving the default where a variable is absent or empty.

        Args:
            environment: the variables; the process's own when absent.

        Raises:
            SettingsError: a value is not of its field's type, or outside of what is legal.
        """
        environment = os.environ if environment is None else environment
        types = get_type_hints(cls)
        given: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            variable = PREFIX + field.name.upper()
            if text := environment.get(variable, "").strip():
                given[field.name] = _parse(variable, text, types[field.name])
                _refuse_outside(variable, given[field.name], field.metadata)
        return cls(**given)

    def without_secrets(self) -> Settings:
        """Return the same limits without what nobody else may know."""
        return dataclasses.replace(self, token="")

    def limits(self) -> dict[str, int | float]:
        """Return every limit in force, as numbers by name."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.metadata["limit"]
        }


def _refuse_outside(variable: str, value: Any, legal: Mapping[str, Any]) -> None:
    minimum, maximum = legal.get("minimum"), legal.get("maximum")
    if minimum is not None and not value >= minimum:
        raise SettingsError(f"{variable} is {value}; at least {minimum} is needed.")
    if maximum is not None and value > maximum:
        raise SettingsError(f"{variable} is {value}; at most {maximum} is legal.")
    if isinstance(value, float) and math.isinf(value):
        raise SettingsError(f"{variable} is {value}; a finite number is needed.")


def _parse(variable: str, text: str, kind: type) -> object:
    if kind is bool:
        words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
        if text.lower() not in words:
            raise SettingsError(f"{variable} must be one of {', '.join(words)}.")
        return words[text.lower()]
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError as error:
            raise SettingsError(f"{variable} must be a number, not {text!r}.") from error
    if kind is Path:
        return Path(text).expanduser()
    if kind is str:
        return text
    return tuple(part.strip() for part in text.split(",") if part.strip())
