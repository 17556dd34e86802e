"""Receive a request's body: tell whether there is one, end a silent one, notice a client that disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, MutableMapping
from typing import Any, TypeVar

from shim.errors import AwsError
from shim.http.asgi import Receive
from shim.undo import to_the_end

T = TypeVar("T")

# "The presence of a message body in a request is signaled by" one of these (RFC 9112, 6).
BODY_HEADERS = frozenset(("content-length", "transfer-encoding"))


class ClientGone(Exception):  # noqa: N818 - it tells what happened, and there is nobody left to answer
    """The client disconnected before its body was complete, or before it was answered."""


def with_idle_timeout(receive: Receive, seconds: float) -> Receive:
    """Return a `receive` that raises S3's RequestTimeout if no piece of an incomplete body comes for `seconds`.

    After the body, `receive` waits without a limit for the client's disconnect.
    """
    whole = False

    async def receive_in_time() -> MutableMapping[str, Any]:
        nonlocal whole
        if whole:
            return await receive()
        # This does what asyncio.timeout does; that takes three times as long when a piece is there already.
        task = asyncio.current_task()
        assert task is not None
        late, cancelled = False, task.cancelling()
        loop = asyncio.get_running_loop()
        timer: asyncio.Handle

        def give_up() -> None:
            nonlocal late
            late = True
            task.cancel()

        def look_again() -> None:
            # After a stall of the event loop a piece may have come when the time ran out: let its reader run first.
            nonlocal timer
            timer = loop.call_soon(give_up)

        timer = loop.call_later(seconds, look_again)
        try:
            event = await receive()
        except asyncio.CancelledError:
            if late and task.uncancel() <= cancelled:  # else somebody else has cancelled it as well
                raise _request_timeout() from None
            raise
        finally:
            timer.cancel()
        whole = not event.get("more_body", False)
        return event

    return receive_in_time


async def while_client_waits(work: Coroutine[Any, Any, T], receive: Receive) -> T:
    """Return what the work returns; where the client hangs up first, cancel it and raise ClientGone when it has ended.

    The request's body must have been read: after it, `receive` returns only the client's disconnect.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_until_disconnect(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientGone
    finally:
        leaving.cancel()
        if not working.done():
            working.cancel()
            await to_the_end(asyncio.wait({working}))  # what it made is taken back meanwhile


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _request_timeout() -> AwsError:
    return AwsError(
        "RequestTimeout",
        "Your socket connection to the server was not read from or written to within the timeout period. Idle "
        "connections will be closed.",
        headers={"Connection": "close"},
    )
