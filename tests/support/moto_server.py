"""moto as a server, so that the same unmodified clients speak to it."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from moto.server import ThreadedMotoServer

from tests.support.clients import Boto
from tests.support.target import Keys


@contextmanager
def moto_clients() -> Iterator[Boto]:
    """Run moto on a free port of the loopback address, and yield clients of it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # moto's own
        server.start()
    host, port = server.get_host_and_port()
    clients = Boto(f"http://{host}:{port}", {"main": Keys("AKIDMOTO", "secret")})
    yield clients
    clients.close()
    server.stop()
