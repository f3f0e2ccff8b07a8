"""The command line as argparse reads it; nothing heavy is imported here."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli import exits
from app.settings import Settings

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

FORMS = ("png", "npy", "npz", "safetensors", "csv")
KINDS = ("feature", "input_gradient", "kernel_gradient")
SUPPRESSED = argparse.SUPPRESS


def parser(settings: Settings) -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    # Absent options leave no trace, so that those before and after `serve` add up.
    serving = argparse.ArgumentParser(add_help=False, argument_default=SUPPRESSED)
    serving.add_argument("--host", help=f"address to bind ({settings.host})")
    serving.add_argument("--port", type=_port, help=f"port to bind ({settings.port})")
    serving.add_argument(
        "--workers",
        type=_count,
        metavar="N",
        help=f"processes that serve, sharing address and store ({settings.workers})",
    )
    serving.add_argument(
        "--allow-public",
        action="store_true",
        help="bind an address that others can reach although CONVSCOPE_TOKEN is not set",
    )
    root = argparse.ArgumentParser(
        prog="convscope",
        description="See what a convolution does and where its gradients come from.",
        epilog=_exit_statuses(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[serving],
    )
    commands = root.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("serve", help="serve the page and the API (default)", parents=[serving])
    reaching = _reaching()
    _add_apply(commands, reaching)
    _add_tile(commands)
    _add_gradient(commands, reaching)
    _add_explain(commands, reaching)
    _add_shapes(commands, reaching)
    _add_gradcheck(commands, reaching)
    kernels = commands.add_parser("kernels", help="list the named kernels", parents=[reaching])
    kernels.add_argument("name", nargs="?", help="show this one with its numbers")
    return root


def _exit_statuses() -> str:
    lines = [f"  {status:<4} {meaning}" for status, meaning in exits.MEANINGS.items()]
    return "\n".join(["exit statuses:", *lines])


def _reaching() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--server",
        metavar="URL",
        help="let the server at this address compute, with CONVSCOPE_TOKEN if it is set; "
        "by default this process does",
    )
    common.add_argument("--json", action="store_true", help="print JSON, for machines")
    return common


def _add_batch(command: argparse.ArgumentParser, at_once: str) -> None:
    command.add_argument("spec", metavar="SPEC", help="network spec, JSON or YAML; - for stdin")
    command.add_argument(
        "images", metavar="IMAGE", nargs="+", type=Path, help="a picture, or a folder of them"
    )
    command.add_argument(
        "-o", "--output", metavar="DIR", type=Path, required=True, help="where results go"
    )
    command.add_argument(
        "-f",
        "--format",
        dest="forms",
        type=_forms,
        default=("png",),
        help=f"what to write, one or several of {', '.join(FORMS)} with commas (png)",
    )
    command.add_argument(
        "--resume",
        action="store_true",
        help="pass over what is done; a changed picture or spec is done again",
    )
    command.add_argument(
        "-j",
        "--jobs",
        metavar="N",
        type=_count,
        help=f"pictures at the same time ({at_once})",
    )
    command.add_argument("-q", "--quiet", action="store_true", help="no progress bar")


def _add_apply(commands: Commands, reaching: argparse.ArgumentParser) -> None:
    command = commands.add_parser(
        "apply", help="write the feature maps of many pictures", parents=[reaching]
    )
    _add_batch(command, "one a core, two a core of a cluster")
    _add_dask(command)
    command.add_argument(
        "--layers",
        type=_layers,
        help="which maps: last, all, or indices with commas (as the spec says, else last)",
    )


def _add_tile(commands: Commands) -> None:
    command = commands.add_parser(
        "tile", help="write the last feature maps of one picture larger than memory, in bands"
    )
    command.add_argument("spec", metavar="SPEC", help="network spec, JSON or YAML; - for stdin")
    command.add_argument(
        "image", metavar="ARRAY", type=Path, help="numbers (H, W), (C, H, W) or (N, C, H, W), .npy"
    )
    command.add_argument(
        "-o", "--output", metavar="FILE", type=Path, required=True, help="the .npy file to write"
    )
    command.add_argument(
        "--memory",
        metavar="MIB",
        type=_count,
        default=256,
        help="what one band's maps may take (%(default)s)",
    )
    _add_dask(command)
    command.add_argument("-q", "--quiet", action="store_true", help="no progress bar")


def _add_dask(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="let the Dask cluster of this scheduler compute, such as tcp://scheduler:8786 "
        "(CONVSCOPE_DASK)",
    )


def _add_gradient(commands: Commands, reaching: argparse.ArgumentParser) -> None:
    command = commands.add_parser(
        "gradient", help="write the gradients of a loss for many pictures", parents=[reaching]
    )
    _add_batch(command, "one a core")
    command.add_argument("--dask", type=_no_cluster, help=argparse.SUPPRESS)
    _add_loss(command)
    command.add_argument(
        "--wrt",
        metavar="NAME",
        action="append",
        help="gradient to write, such as input or layers.0.kernel; may be repeated (input)",
    )


def _no_cluster(address: str) -> None:
    """Refuse what those ask for who know it of `apply`."""
    del address
    raise argparse.ArgumentTypeError(
        "clusters compute feature maps alone; for gradients on several machines give each a part "
        "of the pictures and all one output folder"
    )


def _add_loss(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--loss", help="a word such as l2, or JSON (as the spec says, else the output's sum)"
    )


def _add_one(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC", help="network spec, JSON or YAML; - for stdin")
    command.add_argument(
        "image", metavar="IMAGE", nargs="?", type=Path, help="a picture; else the spec's own input"
    )


def _add_explain(commands: Commands, reaching: argparse.ArgumentParser) -> None:
    command = commands.add_parser(
        "explain", help="show every term of one number", parents=[reaching]
    )
    _add_one(command)
    command.add_argument(
        "--at",
        type=_place,
        metavar="KIND:FIELD=N,…",
        help=f"the number, such as feature:row=3,col=4; KIND is one of {', '.join(KINDS)}",
    )
    _add_loss(command)


def _add_shapes(commands: Commands, reaching: argparse.ArgumentParser) -> None:
    command = commands.add_parser(
        "shapes", help="tell what each layer would do, computing nothing", parents=[reaching]
    )
    _add_one(command)
    command.add_argument(
        "--shape", type=_integers, metavar="N,C,H,W", help="shape of the input, instead of one"
    )


def _add_gradcheck(commands: Commands, reaching: argparse.ArgumentParser) -> None:
    command = commands.add_parser(
        "gradcheck", help="compare a gradient with finite differences", parents=[reaching]
    )
    _add_one(command)
    _add_loss(command)
    command.add_argument("--wrt", metavar="NAME", help="name of the gradient (input)")
    command.add_argument("--step", type=_number, help="how far each number is moved (1e-4)")
    command.add_argument("--seed", type=int, help="of the random choice of numbers (0)")


def _read(what: str) -> Callable[[Callable[[str], object]], Callable[[str], object]]:
    """Let a reader's ValueError be told in argparse's words."""

    def wrap(read: Callable[[str], object]) -> Callable[[str], object]:
        def told(text: str) -> object:
            try:
                return read(text)
            except ValueError as error:
                raise argparse.ArgumentTypeError(f"{text!r} is not {what}") from error

        return told

    return wrap


@_read(f"one or several of {', '.join(FORMS)} with commas between")
def _forms(text: str) -> tuple[str, ...]:
    forms = tuple(dict.fromkeys(text.lower().split(",")))
    if not set(forms) <= set(FORMS):
        raise ValueError
    return forms


@_read("a whole number from 1")
def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError
    return count


@_read("a port from 0 to 65535")
def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise ValueError
    return port


@_read("a finite number")
def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


@_read("a list of integers with commas between")
def _integers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


@_read("last, all, or a list of indices with commas between")
def _layers(text: str) -> object:
    return text if text in ("last", "all") else [int(part) for part in text.split(",")]


@_read(f"of the form KIND:FIELD=N,… with KIND one of {', '.join(KINDS)}")
def _place(text: str) -> dict[str, dict[str, int]]:
    kind, _, fields = text.partition(":")
    if kind not in KINDS:
        raise ValueError
    pairs = [part.split("=") for part in fields.split(",") if part]
    return {kind: {name: int(value) for name, value in pairs}}
