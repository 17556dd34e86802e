"""Is a service there? A cheap public GET on each of its ports says so."""

import time
from collections.abc import Callable, Iterable, Mapping

from adapters.embedded.errors import AnswerError, ServiceFailedError
from adapters.embedded.layout import HOST, Layout, tail
from adapters.embedded.rest import call

# Service → (port, path) of every check. None of them needs a token or another service.
CHECKS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "keystone": (("keystone", "/v3"),),
    "placement": (("placement", "/"),),
    "glance": (("glance", "/versions"),),
    "neutron": (("neutron", "/"),),
    "nova": (("nova", "/"), ("metadata", "/")),
    "cinder": (("cinder", "/"),),
    "swift": (("swift", "/healthcheck"),),
    "swift-storage": tuple((f"swift-{kind}", "/healthcheck") for kind in ("account", "container", "object")),
}


def is_healthy(service: str, ports: Mapping[str, int], timeout: float = 3) -> bool:
    """Tell whether all ports of a service answer."""
    try:
        for port, path in CHECKS[service]:
            call("GET", f"http://{HOST}:{ports[port]}{path}", timeout=timeout)
    except (OSError, AnswerError):
        return False
    return True


def is_hung(service: str, ports: Mapping[str, int], timeout: float = 3) -> bool:
    """Tell whether any port of a service takes a connection, as the kernel does for it, and gives no answer in time."""
    for port, path in CHECKS[service]:
        try:
            call("GET", f"http://{HOST}:{ports[port]}{path}", timeout=timeout)
        except TimeoutError:
            return True
        except (OSError, AnswerError):  # refused: it does not listen yet
            continue
    return False


def wait(
    services: Iterable[str],
    place: Layout,
    ports: Mapping[str, int],
    alive: Callable[[], Iterable[str]],
    patience: float = 240,
) -> None:
    """Wait until all answer. Raise ServiceFailedError for the first that is no longer among the living, or is late."""
    waiting = list(services)
    deadline = time.monotonic() + patience
    while waiting := [service for service in waiting if not is_healthy(service, ports)]:
        living = set(alive())
        for service in waiting:
            if service not in living:
                raise ServiceFailedError(service, "died while starting", tail(place.log(service)))
        if time.monotonic() > deadline:
            late = waiting[0]
            raise ServiceFailedError(late, f"is not healthy after {patience:.0f} s", tail(place.log(late)))
        time.sleep(0.15)
