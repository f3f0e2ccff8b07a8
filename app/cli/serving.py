"""`convscope serve`."""

from __future__ import annotations

import dataclasses
from typing import Any

from app.cli import exits
from app.cli.exits import CommandError
from app.settings import Settings


def run_server(settings: Settings, options: dict[str, Any]) -> int:
    """Serve the page and the API until told to stop.

    Raises:
        CommandError: The address is public without a token, or the store cannot be used.
    """
    from app.main import create_app
    from app.web.gate import is_loopback
    from app.web.serving import serve

    settings = dataclasses.replace(settings, **options)
    if not (is_loopback(settings.host) or settings.token or settings.allow_public):
        raise CommandError(
            f"{settings.host or 'every address'} can be reached from other machines. "
            "Set CONVSCOPE_TOKEN to a secret, or pass --allow-public to let anyone in."
        )
    try:
        app = create_app(settings)
    except OSError as error:
        message = f"the store {settings.store_dir}: {error.strerror}"
        raise CommandError(message, exits.SOMETHING_FAILED) from error
    serve(app, settings)
    return exits.DONE
