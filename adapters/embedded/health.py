"""Health checks: one cheap public GET on each port of a service."""

from collections.abc import Mapping

from adapters.embedded.errors import AnswerError
from adapters.embedded.layout import HOST, OVN, Layout
from adapters.embedded.ovn import control
from adapters.embedded.rest import call

# Service → (port, path) of every check. None of them needs a token or another service.
CHECKS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "keystone": (("keystone", "/v3"),),
    "placement": (("placement", "/"),),
    "glance": (("glance", "/versions"),),
    "neutron": (("neutron", "/"),),
    "nova": (("nova", "/"), ("metadata", "/")),
    "cinder": (("cinder", "/"),),
    "barbican": (("barbican", "/healthcheck"),),
    "swift": (("swift", "/healthcheck"),),
    OVN: (),  # no port: it is asked over its unix socket
    "swift-storage": tuple((f"swift-{kind}", "/healthcheck") for kind in ("account", "container", "object")),
}


def is_healthy(service: str, ports: Mapping[str, int], place: Layout, timeout: float = 3) -> bool:
    """Return whether all ports of a service answer."""
    if service == OVN:
        return control.answers(place, timeout)
    try:
        for port, path in CHECKS[service]:
            call("GET", f"http://{HOST}:{ports[port]}{path}", timeout=timeout)
    except (OSError, AnswerError):
        return False
    return True


def is_hung(service: str, ports: Mapping[str, int], timeout: float = 3) -> bool:
    """Return whether any port of a service accepts a connection, which the kernel does, and gives no answer in time."""
    for port, path in CHECKS[service]:
        try:
            call("GET", f"http://{HOST}:{ports[port]}{path}", timeout=timeout)
        except TimeoutError:
            return True
        except (OSError, AnswerError):  # refused: the service does not listen yet
            continue
    return False
