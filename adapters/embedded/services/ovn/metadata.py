"""169.254.169.254: passes a server's requests to Nova's metadata API with its id, as Neutron's metadata agents do.

ML2/OVN gives each network a port for this (device id `ovnmeta-<network>`), and DHCP routes the address
to it. Neutron's own agent would need sudo, namespaces with names and 144 MiB.
"""

import hashlib
import hmac
import http.client
import json
import subprocess
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from . import namespaces

ADDRESS = "169.254.169.254"
HOPS = frozenset({"connection", "host", "keep-alive", "transfer-encoding"})  # RFC 9110, 7.6.1
SECONDS = 30.0


class Caller(NamedTuple):
    """The server that has an address on a network, and its project."""

    server: str
    project: str


class MetadataPort(NamedTuple):
    """The port of a network for metadata."""

    id: str
    mac: str
    addresses: tuple[str, ...]


def port_of(network: str, northbound: str) -> MetadataPort | None:
    """Return the metadata port of a network from OVN's northbound database; None if it has no subnet with DHCP."""
    done = subprocess.run(
        [
            "ovn-nbctl", f"--db={northbound}", "--format=json", "--columns=name,addresses,external_ids",
            "find", "Logical_Switch_Port", f'external_ids:"neutron:device_id"="ovnmeta-{network}"',
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise OSError(f"ovn-nbctl: {done.stderr.strip()}")
    for name, addresses, external in json.loads(done.stdout)["data"]:
        cidrs = dict(external[1]).get("neutron:cidrs", "").split()
        if cidrs and isinstance(addresses, str):
            return MetadataPort(name, addresses.split()[0], tuple(cidrs))
    return None


class Metadata:
    """The listeners of all networks."""

    def __init__(self, known: Mapping[str, Any], find: Callable[[str, str], Caller | None]) -> None:
        self._port = int(known["ports"]["metadata"])
        self._secret = str(known["metadata_secret"]).encode()
        self._find = find

    def serve(self, network: str, space: int) -> None:
        """Serve a network's requests in its metadata namespace, as long as this process lives."""
        answering = self

        class Handler(BaseHTTPRequestHandler):
            timeout = SECONDS

            def forward(self) -> None:
                answering.forward(self, network)

            do_GET = do_HEAD = do_POST = do_PUT = forward  # noqa: N815 - names of http.server

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: Nova logs each request."""

        server = ThreadingHTTPServer((ADDRESS, 80), Handler, bind_and_activate=False)
        server.socket.close()
        server.socket = namespaces.listener(space, ADDRESS, 80)
        threading.Thread(target=server.serve_forever, daemon=True, name=f"metadata-{network}").start()

    def forward(self, request: BaseHTTPRequestHandler, network: str) -> None:
        """Ask Nova in the name of the server whose address this is."""
        caller = self._find(network, request.client_address[0])
        if caller is None:
            request.send_error(404)
            return
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        signature = hmac.new(self._secret, caller.server.encode(), hashlib.sha256).hexdigest()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOPS}
        headers |= {
            "X-Forwarded-For": request.client_address[0],
            "X-Instance-ID": caller.server,
            "X-Tenant-ID": caller.project,
            "X-Instance-ID-Signature": signature,
        }
        nova = http.client.HTTPConnection("127.0.0.1", self._port, timeout=SECONDS)
        try:
            nova.request(request.command, request.path, body or None, headers)
            answer = nova.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            request.send_error(503)
            return
        finally:
            nova.close()
        request.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in (*HOPS, "content-length", "date", "server"):
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(content)
