"""The `convscope` command."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from app.cli import exits
from app.cli.arguments import parser
from app.cli.exits import CommandError
from app.settings import Settings, SettingsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    # The engine brings its own threads, and BLAS threads nested under them cost tenfold. It must
    # be said before NumPy is first imported: hence the imports inside the functions below, which
    # also let `convscope --help` answer at once.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal of few letters shows what it can
    try:
        settings = Settings.from_environment()
        options = vars(parser(settings).parse_args(arguments))
        return _run(options.pop("command") or "serve", options, settings)
    except SettingsError as error:
        return _failed(CommandError(str(error)))
    except CommandError as error:
        return _failed(error)
    except BrokenPipeError:
        from app.cli.telling import drop_output

        drop_output()  # whoever reads has read enough, as `head` does
        return exits.DONE
    except KeyboardInterrupt:
        return _failed(CommandError("Interrupted.", exits.INTERRUPTED))


def _run(command: str, options: dict[str, object], settings: Settings) -> int:
    if command == "serve":
        from app.cli.serving import run_server

        return run_server(settings, options)
    if command == "tile":
        from app.cli.tiling import tile

        return tile(options, settings)
    from app.cli.commands import run

    return run(command, options, settings)


def _failed(error: CommandError) -> int:
    print(f"convscope: {error.message}", file=sys.stderr)
    return error.status
