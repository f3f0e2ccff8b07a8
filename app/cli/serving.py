"""`convscope serve`."""

from __future__ import annotations

import dataclasses
import os
import socket
import sys
from typing import Any

from app.cli import exits
from app.cli.exits import CommandError
from app.settings import Settings


def run_server(settings: Settings, options: dict[str, Any]) -> int:
    """Serve the page and the API until told to stop.

    Raises:
        CommandError: The address is public without a token, or the store cannot be used.
    """
    from app.web.gate import is_loopback

    settings = dataclasses.replace(settings, **options)
    if not (is_loopback(settings.host) or settings.token or settings.allow_public):
        raise CommandError(
            f"{settings.host or 'every address'} can be reached from other machines. "
            "Set CONVSCOPE_TOKEN to a secret, or pass --allow-public to let anyone in."
        )
    _refuse_taken(settings.host, settings.port)
    if settings.workers > 1:
        return _run_workers(settings)
    from app.main import create_app
    from app.web.serving import serve

    try:
        app = create_app(settings)
    except OSError as error:
        message = f"the store {settings.store_dir}: {error.strerror}"
        raise CommandError(message, exits.SOMETHING_FAILED) from error
    serve(app, settings)
    return exits.DONE


def _refuse_taken(host: str, port: int) -> None:
    """Refuse an address that cannot be bound, before the store of whoever serves there is opened.

    Raises:
        CommandError: Another process has the port, or this machine no such address.
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                if os.name == "posix":  # elsewhere the option lets two serve at one port
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except OSError as error:
        message = f"{host} port {port} cannot be served at: {error.strerror}."
        raise CommandError(message, exits.SOMETHING_FAILED) from error


def _run_workers(settings: Settings) -> int:
    """Serve from several processes.

    Raises:
        CommandError: There are no such processes here, or the address cannot be bound.
    """
    if sys.platform != "linux":
        raise CommandError("Several workers need Linux; elsewhere one process serves.")
    from app.cli.workers import supervise
    from app.service.store import ImageStore

    try:
        # What keeps the workers from their store is told once, here.
        ImageStore(settings.store_dir, quota=settings.store_bytes, days=settings.store_days)
    except OSError as error:
        message = f"the store {settings.store_dir}: {error.strerror}"
        raise CommandError(message, exits.SOMETHING_FAILED) from error
    try:
        supervise(settings)
    except OSError as error:
        message = f"{settings.host} port {settings.port}: {error.strerror}"
        raise CommandError(message, exits.SOMETHING_FAILED) from error
    return exits.DONE
