"""What Schemathesis 4.32.5 needs in order to make up forms with a file in them.

A file is a `Binary` in what it makes up, of which its validators know nothing: they raise. Wherever
else it asks them, Schemathesis takes files out first; its drawing of values does not, and ends with
"Unsupported type: 'Binary'" for /convolve and /gradient. Loaded by schemathesis.toml.
"""

from collections.abc import Callable
from typing import Any

from schemathesis.generation.jsonschema import strategy
from schemathesis.specs.openapi.negative import _strip_binary

judge = strategy._validator


def without_files(schema: Any) -> Callable[[Any], bool]:
    """Return what tells whether a value is legal, whatever its files hold."""
    is_legal = judge(schema)
    return lambda value: is_legal(_strip_binary(value))


strategy._validator = without_files
