"""What may take more than one request: a copy where the server cannot copy well, the removal of a stale row, a
container like another one.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final

from adapters.errors import BackendError, Fault
from adapters.openstack.swift.headers import SERVICE
from adapters.openstack.swift.wire import Answer
from adapters.types.objects import Download, Stored, Written

_STAND_IN_SECONDS: Final = 3600
_POLICY: Final = "x-storage-policy"
_LIKE: Final = (_POLICY, "x-container-read", "x-container-write")
_ROUNDED: Final = timedelta(seconds=1)  # by which Swift's answers to writes are later than the object, and others' not


async def copy(read: Download, seen: Stored, write: Callable[[], Awaitable[Written]]) -> Written:
    """Copy by a read and a write, for a server that ignores the conditions and the range of a copy inside.

    radosgw's copy of a large object is also empty.
    """
    try:
        if read.stored.etag != seen.etag:
            raise BackendError(Fault.PRECONDITION, service=SERVICE, resource="object", status=412)
        written = await write()
        return written._replace(modified=written.modified + _ROUNDED)
    finally:
        read.close()


async def drop_stale_row(path: str, send: Callable[[str, str, Mapping[str, str]], Awaitable[object]]) -> bool:
    """Remove an object that is gone from the listing; return False, and do nothing, if an object has that name.

    A deletion would update the listing, but must not delete an object that is stored at the same time.  Swift's
    only conditional deletion is the one for expiry (`X-If-Delete-At`).  So an empty object with an expiry time is
    stored if the name is free, and then deleted on condition of that time; if the deletion fails, it expires.
    """
    at = str(int(time.time()) + _STAND_IN_SECONDS)
    try:
        await send("PUT", path, {"If-None-Match": "*", "X-Delete-At": at})
        await send("DELETE", path, {"X-If-Delete-At": at})
    except BackendError as error:
        if error.fault not in (Fault.PRECONDITION, Fault.CONFLICT, Fault.NOT_FOUND):
            raise
        return False
    return True


async def create_container(
    send: Callable[[Mapping[str, str]], Awaitable[Answer]], model: Mapping[str, str], policy: str
) -> Answer:
    """Make a container; `model` are the headers of one whose ACLs it gets, and whose policy unless one is given.

    A policy that is deprecated keeps its containers and gets no new ones; these lie under Swift's default one then.
    """
    headers = {key: model[key] for key in _LIKE if key in model}
    try:
        return await send({**headers, **({_POLICY: policy} if policy else {})})
    except BackendError as error:
        if error.resource != "policy" or policy:
            raise
    return await send({key: headers[key] for key in headers if key != _POLICY})
