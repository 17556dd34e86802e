"""Patches oslo.messaging's in-memory transport for long-running processes: no polling, no unbounded queues.

`fake://` is written for unit tests: listeners poll their queues every 50 ms, and casts to topics without listeners
(Neutron's to its absent agents) are never removed.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from oslo_messaging._drivers import impl_fake

LONGEST_SLEEP = 0.5  # seconds; the longest delay of a listener that misses a wake-up


class WakingTime:
    """Replaces the module `time` in the transport, so that a delivery wakes sleeping listeners."""

    time = staticmethod(time.time)

    def __init__(self) -> None:
        self.delivered = threading.Condition()

    def sleep(self, seconds: float) -> None:
        """Sleep until a delivery."""
        with self.delivered:
            self.delivered.wait(max(seconds, LONGEST_SLEEP))


def is_heard(exchange: Any, topic: str) -> bool:
    """Return whether this topic has ever had a listener."""
    with exchange._queues_lock:  # noqa: SLF001
        queues = [*exchange._server_queues, *exchange._topic_queues]  # noqa: SLF001
    return any(name == topic for name, _ in queues)


def waking(deliver: Callable[..., None], clock: WakingTime) -> Callable[..., None]:
    """Wrap FakeExchange.deliver_message to wake the listeners."""

    def deliver_message(
        self: Any,
        topic: str,
        ctxt: object,
        message: object,
        server: str | None = None,
        fanout: bool = False,
        reply_q: object = None,
    ) -> None:
        if reply_q is None and not is_heard(self, topic):
            return
        deliver(self, topic, ctxt, message, server=server, fanout=fanout, reply_q=reply_q)
        with clock.delivered:
            clock.delivered.notify_all()

    return deliver_message


def patch() -> None:
    """Install these patches."""
    clock = WakingTime()
    impl_fake.time = clock
    impl_fake.FakeExchange.deliver_message = waking(impl_fake.FakeExchange.deliver_message, clock)
