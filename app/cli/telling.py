"""Answers as text for a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.cli.files import not_written
from app.client import Kernel

Told = Mapping[str, Any]


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    print_text(json.dumps(value, indent=2))


def print_text(text: str) -> None:
    """Print text.

    Raises:
        BrokenPipeError: Whoever reads has left.
        CommandError: It cannot be written, as on a full disk.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_output()
        raise not_written(Path("standard output"), error) from error


def drop_output() -> None:
    """Let go of what could not be written, of which Python would complain once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def table(rows: Sequence[Sequence[object]]) -> str:
    """Return rows in columns, the first row as headings; numbers to the right."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    right = [all(isinstance(row[at], int | float) for row in rows[1:]) for at in range(len(widths))]
    lines = []
    for row in texts:
        cells = zip(row, widths, right, strict=True)
        lines.append("  ".join(one.rjust(w) if r else one.ljust(w) for one, w, r in cells).rstrip())
    return "\n".join(lines)


def shapes(told: Told) -> str:
    """Return what each layer would do."""
    rows: list[list[object]] = [
        ["", "layer", "output", "padding", "sees", "parameters", "multiply-adds"]
    ]
    faults = []
    for layer in told["layers"]:
        field = layer["receptive_field"]
        rows.append(
            [
                layer["index"],
                layer["name"] or layer["type"],
                _sizes(layer["output_shape"]),
                _padding(layer["padding"]),
                _sizes(field and field["size"]),
                layer["parameters"],
                layer["multiply_adds"],
            ]
        )
        faults += [f"{error['pointer']}: {error['detail']}" for error in layer["errors"]]
    memory = f"memory {told['estimated'] / 2**20:.1f} MiB, limit {told['limit'] / 2**20:.0f} MiB"
    lines = [f"input {_sizes(told['input']['shape'])}", table(rows), memory, *faults]
    return "\n".join(lines)


def _sizes(sizes: Sequence[int] | None) -> str:
    return "-" if sizes is None else "×".join(map(str, sizes))


def _padding(padding: Sequence[Sequence[int]] | None) -> str:
    if padding is None:
        return "-"
    return ",".join("+".join(map(str, pair)) for pair in padding)


def explanation(told: Told) -> str:
    """Return every term of one number."""
    place = _index(told["position"])
    lines = [f"{told['of']}{place} = {told['value']}"]
    rows: list[list[object]] = [["product", "", "left", "", "right", "", ""]]
    for term in told["terms"]:
        left, right = term["left"], term["right"]
        rows.append(
            [
                term["product"],
                "=",
                f"{left['name']}{_index(left['position'])}",
                left["value"],
                f"{right['name']}{_index(right['position'])}",
                right["value"],
                "padding" if term["padding"] else "",
            ]
        )
    lines.append(table(rows))
    if told["bias"] is not None:
        lines.append(f"bias {told['bias']}")
    return "\n".join([*lines, f"sum {told['sum']}"])


def _index(position: Sequence[int]) -> str:
    return f"[{','.join(map(str, position))}]"


def gradcheck(told: Told) -> str:
    """Return elements of a gradient beside their finite differences."""
    rows: list[list[object]] = [["index", "analytic", "numeric", "relative error", "", ""]]
    for check in told["checks"]:
        numbers = [check["analytic"], check["numeric"], check["relative"]]
        rows.append([_index(check["index"]), *numbers, check["verdict"], check["note"]])
    return f"{told['wrt']}: {told['verdict']}\n{table(rows)}"


def kernels(listed: Mapping[str, Kernel]) -> str:
    """Return the named kernels, one a line."""
    rows: list[list[object]] = [["name", "size", "finds"]]
    rows += [[one.name, _sizes(one.matrix.shape), one.finds] for one in listed.values()]
    return table(rows)


def kernel(one: Kernel) -> str:
    """Return a named kernel with its numbers."""
    matrix = one.matrix if one.matrix.ndim == 2 else one.matrix[None]
    rows = [[f"{number:g}" for number in row] for row in matrix.tolist()]
    width = max(len(cell) for row in rows for cell in row)
    drawn = ["  ".join(cell.rjust(width) for cell in row) for row in rows]
    return "\n".join([one.name, *drawn, one.finds, f"Source: {one.source}"])


def kernel_json(one: Kernel) -> dict[str, Any]:
    """Return a named kernel as the API tells it."""
    return {**vars(one), "matrix": one.matrix.tolist()}
