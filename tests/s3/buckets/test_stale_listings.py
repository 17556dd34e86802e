"""DeleteBucket while Swift's listing still shows deleted objects: it drops those rows, and deletes nothing else.

The action runs in this process, on the real Swift, with a connection that allows concurrent changes between its calls.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from openstack.connection import Connection

from adapters.errors import BackendError, Fault
from adapters.openstack.swift.http import Pool
from adapters.openstack.swift.swift import Swift
from adapters.openstack.swift.wire import Answer
from adapters.types.objects import Listing, ObjectRow
from shim.s3.buckets.deletion import delete_bucket
from tests.s3.client_errors import refused
from tests.s3.in_process import calling


class Busy:
    """A pool on which another client stores `ghost` just before the first request of a method for it."""

    def __init__(self, pool: Pool, method: str, token: str) -> None:
        self.pool = pool
        self.method = method
        self.token = token

    async def request(self, method: str, endpoint: str, path: str, headers: Mapping[str, str], **how: Any) -> Answer:
        if method == self.method and path.endswith("/ghost"):
            self.method = ""
            answer = await self.pool.request("PUT", endpoint, path, {"X-Auth-Token": self.token}, body=b"new")
            assert answer.status == 201
            assert not await answer.read()
        return await self.pool.request(method, endpoint, path, headers, **how)


class Lagging(Swift):
    """A Swift whose container server still lists the deleted object `ghost`."""

    __slots__ = ("told",)

    async def delete_container(self, name: str) -> None:
        if not hasattr(self, "told"):
            self.told = True
            raise BackendError(Fault.CONFLICT, service="object-store", resource="container", status=409)
        await super().delete_container(name)

    async def objects(self, container: str, want: Listing) -> list[ObjectRow]:
        rows = await super().objects(container, want)
        if container.endswith("+segments") or any(row.get("name") == "ghost" for row in rows):
            return rows
        ghost: Any = {"name": "ghost"}
        return [*rows, ghost]


async def deleted(connection: Connection, bucket: str, before: str = "") -> None:
    """Run DeleteBucket; another client stores `ghost` just before the first request of the method `before` for it."""
    token = str(connection.auth_token)
    async with calling(connection, "DeleteBucket", Lagging, lambda pool: Busy(pool, before, token)) as call:
        await delete_bucket(call, {"Bucket": bucket})


def test_a_ghost_keeps_no_bucket(s3: Any, openstack_main: Connection, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="ghost", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="ghost")
    asyncio.run(deleted(openstack_main, bucket))
    with refused("404"):
        s3.head_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)


@pytest.mark.parametrize("before", ["PUT", "DELETE"])
def test_what_comes_while_ghosts_are_looked_at_stays(
    s3: Any, openstack_main: Connection, bucket: str, before: str
) -> None:
    with pytest.raises(BackendError) as caught:
        asyncio.run(deleted(openstack_main, bucket, before))
    assert (caught.value.fault, caught.value.resource) == (Fault.CONFLICT, "container")
    assert s3.get_object(Bucket=bucket, Key="ghost")["Body"].read() == b"new"


def test_nothing_is_touched_where_something_is_alive(s3: Any, openstack_main: Connection, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="alive", Body=b"x")
    with pytest.raises(BackendError):
        asyncio.run(deleted(openstack_main, bucket))
    assert s3.get_object(Bucket=bucket, Key="alive")["Body"].read() == b"x"
