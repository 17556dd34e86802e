"""Runs actions in the test's own process, on the real Swift through a test's wrapper."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from openstack.connection import Connection

from adapters.openstack.swift.http import Pool
from adapters.openstack.swift.pool import SwiftPool
from adapters.openstack.swift.swift import Swift
from shim.config import Settings
from shim.context import Call, Caller
from shim.locks import Locks


@dataclass(frozen=True)
class OneToken:
    """A fixed token."""

    id: str

    async def token(self) -> Any:
        return self

    async def renew(self, stale: Any) -> Any:
        return stale


@dataclass(frozen=True)
class ObjectsOnly:
    """A cloud whose only service is Swift."""

    objects: Swift


@asynccontextmanager
async def calling(
    connection: Connection,
    operation: str,
    swift: Callable[[Pool, str, OneToken, str], Swift] = Swift,
    before: Callable[[Pool], Pool] = lambda pool: pool,
) -> AsyncIterator[Call]:
    """Yield the context of one call by the connection's project; its store is `swift` on a pool wrapped by `before`."""
    store = str(connection.object_store.get_endpoint()), OneToken(str(connection.auth_token)), "in-process"
    project = str(connection.current_project_id)
    caller = Caller("key", "user", "user", project, "project", "0" * 12, frozenset())
    pool = SwiftPool(60.0)
    cloud: Any = ObjectsOnly(swift(before(pool), *store))
    call = Call(cloud, caller, "in-process", "us-east-1", operation, Settings.model_validate({}), Locks(""))
    try:
        yield call
    finally:
        for close in call.at_end:
            close()
        await pool.aclose()
