"""What `shim.http` uses of uvicorn beyond its documented interface, which any release may change.

Therefore `pyproject.toml` caps its version at the next one.  To raise the cap: run `tests/http` with the new release,
and compare its protocol's own text with the last one's.
"""

from __future__ import annotations

import inspect
import re
import signal
import tomllib
from importlib.metadata import version
from pathlib import Path

import uvicorn
from uvicorn.server import ServerState

from shim.http.connection import Connection
from shim.http.server import DrainingServer, SideServer


def test_the_version_is_capped_at_the_next_one() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    (wanted,) = (one for one in project["dependencies"] if re.match(r"uvicorn\b", one))
    cap = re.search(r"<0\.(\d+)$", wanted)
    assert cap, f"{wanted}: our connections use uvicorn's internals, so the next release needs a look first"
    _, minor, *_ = version("uvicorn").split(".")
    assert int(cap[1]) == int(minor) + 1


def test_the_server_has_what_our_connections_use() -> None:
    state = ServerState()
    assert (state.connections, state.tasks, state.total_requests) == (set(), set(), 0)
    config = uvicorn.Config(lambda: None, http=Connection)
    config.load()
    assert config.http_protocol_class is Connection
    assert config.loaded_app is not None
    assert config.timeout_keep_alive > 0


def test_the_server_makes_connections_as_ours_are_made_and_tells_them_to_end() -> None:
    serving = inspect.getsource(uvicorn.Server.startup)
    for argument in ("config=config", "server_state=self.server_state", "app_state="):
        assert argument in serving
    assert "connection.shutdown()" in inspect.getsource(uvicorn.Server.shutdown)


def test_the_server_takes_its_signals_where_ours_replace_it() -> None:
    assert list(inspect.signature(uvicorn.Server.handle_exit).parameters) == ["self", "sig", "frame"]
    assert DrainingServer.handle_exit is not uvicorn.Server.handle_exit
    config = uvicorn.Config(lambda: None)
    handler = signal.getsignal(signal.SIGTERM)
    with SideServer(config).capture_signals():
        assert signal.getsignal(signal.SIGTERM) is handler
    with uvicorn.Server(config).capture_signals():
        assert signal.getsignal(signal.SIGTERM) is not handler
