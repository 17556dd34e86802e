"""A request's body as it comes in: whether there is one, how long it may be silent, and a client that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from shim.errors import AwsError
from shim.http.asgi import Receive

# "The presence of a message body in a request is signaled by" one of these (RFC 9112, 6).
SIGNALS = frozenset(("content-length", "transfer-encoding"))


class ClientGone(Exception):  # noqa: N818 - it tells what happened, and there is nobody left to answer
    """The client went away before its body had come in whole."""


def impatient(receive: Receive, seconds: float) -> Receive:
    """Return a `receive` that raises S3's RequestTimeout where a body is silent for so long before it is whole.

    What comes behind the body, which is the client's leaving, may take its time.
    """
    whole = False

    async def receiving() -> MutableMapping[str, Any]:
        nonlocal whole
        if whole:
            return await receive()
        # As asyncio.timeout does it, which takes three times as long over a piece that is there already.
        task = asyncio.current_task()
        assert task is not None
        late, cancelled = False, task.cancelling()

        def give_up() -> None:
            nonlocal late
            late = True
            task.cancel()

        timer = asyncio.get_running_loop().call_later(seconds, give_up)
        try:
            event = await receive()
        except asyncio.CancelledError:
            if late and task.uncancel() <= cancelled:  # else somebody else has cancelled it as well
                raise _silent() from None
            raise
        finally:
            timer.cancel()
        whole = not event.get("more_body", False)
        return event

    return receiving


def _silent() -> AwsError:
    return AwsError(
        "RequestTimeout",
        "Your socket connection to the server was not read from or written to within the timeout period. Idle "
        "connections will be closed.",
        headers={"Connection": "close"},
    )
