"""The `convscope` command."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Sequence

from app.settings import Settings, SettingsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    # The engine brings its own threads, and BLAS threads nested under them cost tenfold. It must
    # be said before NumPy is first imported: hence the imports inside the function below.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        print(f"convscope: {error}", file=sys.stderr)
        return 2
    options = vars(_parser(settings).parse_args(arguments))
    del options["command"]
    return _serve(dataclasses.replace(settings, **options))


def _parser(settings: Settings) -> argparse.ArgumentParser:
    # Absent options leave no trace, so that those before and after `serve` add up.
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--host", help=f"address to bind ({settings.host})")
    common.add_argument("--port", type=int, help=f"port to bind ({settings.port})")
    common.add_argument(
        "--allow-public",
        action="store_true",
        help="bind an address that others can reach although CONVSCOPE_TOKEN is not set",
    )
    parser = argparse.ArgumentParser(
        prog="convscope", description="Serve the convolution lab.", parents=[common]
    )
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("serve", help="serve the page and the API (default)", parents=[common])
    return parser


def _serve(settings: Settings) -> int:
    from app.main import create_app
    from app.web.gate import is_loopback
    from app.web.serving import serve

    if not (is_loopback(settings.host) or settings.token or settings.allow_public):
        print(
            f"convscope: {settings.host or 'every address'} can be reached from other machines. "
            "Set CONVSCOPE_TOKEN to a secret, or pass --allow-public to let anyone in.",
            file=sys.stderr,
        )
        return 2
    try:
        app = create_app(settings)
    except OSError as error:
        print(f"convscope: the store {settings.store_dir}: {error.strerror}", file=sys.stderr)
        return 1
    serve(app, settings)
    return 0
