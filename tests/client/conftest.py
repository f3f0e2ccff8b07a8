"""A server that is none of ours."""

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest


@pytest.fixture
def cut_server() -> Iterator[str]:
    """Address of a server that breaks off its first answer."""
    from tests.client.test_connection import CutFirstAnswer

    server = ThreadingHTTPServer(("127.0.0.1", 0), CutFirstAnswer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
