"""The `convscope` command."""

from __future__ import annotations

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
    try:
        settings = Settings.from_environment()
        options = vars(parser(settings).parse_args(arguments))
        return _run(options.pop("command") or "serve", options, settings)
    except SettingsError as error:
        return _failed(CommandError(str(error)))
    except CommandError as error:
        return _failed(error)
    except BrokenPipeError:
        # Whoever reads has read enough, as `head` does; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
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

    status = run(command, options, settings)
    sys.stdout.flush()
    return status


def _failed(error: CommandError) -> int:
    print(f"convscope: {error.message}", file=sys.stderr)
    return error.status
