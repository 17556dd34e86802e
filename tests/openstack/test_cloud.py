"""The factory and a tenant's cloud: no calls before the first use, calls counted, connections closed."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import pytest
from keystoneauth1.identity.generic import Password

from adapters.errors import BackendError, Fault
from adapters.openstack.cloud import CloudFactory, Limits
from adapters.openstack.config import CloudConfig
from adapters.openstack.transport import Timeouts
from adapters.ports.cloud import Cloud
from tests.openstack.stage import PROJECT, REQUEST_ID, Tokens, token

URL = "http://127.0.0.1:9/v3"  # the discard port, on which nothing listens
LOGIN = Password(URL, username="g", password="p", project_name="s", user_domain_id="d", project_domain_id="d")
CONFIG = CloudConfig("passerelle", URL, "R1", "public", True, None, {}, LOGIN, None, b"login")


def with_factory(work: Callable[[CloudFactory], Awaitable[None]]) -> list[tuple[str, str, int]]:
    """Run `work` with an open factory; return the observed calls."""
    seen: list[tuple[str, str, int]] = []

    async def go() -> None:
        limits = Limits(timeouts=Timeouts(connect=1.0, total=5.0), object_idle_seconds=5.0)
        factory = await CloudFactory.open(CONFIG, limits, lambda *call: seen.append(call[:3]))
        try:
            await work(factory)
        finally:
            await factory.aclose()

    asyncio.run(go())
    return seen


def test_a_tenants_cloud_sends_nothing_by_itself_and_makes_each_port_once() -> None:
    async def work(factory: CloudFactory) -> None:
        here = token(catalog={"object-store": "http://127.0.0.1:9/v1/AUTH_x"})
        cloud: Cloud = factory.tenant(Tokens(first=here), here, REQUEST_ID)
        for port in ("compute", "network", "block", "images", "objects", "key_manager"):
            assert getattr(cloud, port) is getattr(cloud, port)

    assert with_factory(work) == []


def test_two_tenants_share_nothing_but_the_pool() -> None:
    async def work(factory: CloudFactory) -> None:
        one, other = (factory.tenant(Tokens(first=token(n)), token(n), REQUEST_ID) for n in ("one", "other"))
        assert one.compute is not other.compute

    assert with_factory(work) == []


def test_a_cloud_without_swift_says_so() -> None:
    async def work(factory: CloudFactory) -> None:
        with pytest.raises(BackendError) as caught:
            _ = factory.tenant(Tokens(), token(catalog={}), REQUEST_ID).objects
        assert (caught.value.fault, caught.value.service) == (Fault.UNSUPPORTED, "object-store")

    with_factory(work)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    line = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
    status = HTTPStatus.OK if line.startswith(f"/v1/AUTH_{PROJECT}".encode()) else HTTPStatus.NOT_FOUND
    body = b"[]"
    writer.write(
        b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()


def test_swifts_calls_are_counted_beside_the_others() -> None:
    async def work(factory: CloudFactory) -> None:
        server = await asyncio.start_server(_answer, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            here = token(catalog={"object-store": f"http://127.0.0.1:{port}/v1/AUTH_{PROJECT}"})
            assert await factory.tenant(Tokens(first=here), here, REQUEST_ID).objects.containers() == []

    assert with_factory(work) == [("object-store", "GET", 200)]


def test_swift_that_is_gone_is_counted_as_no_answer() -> None:
    async def work(factory: CloudFactory) -> None:
        here = token(catalog={"object-store": "http://127.0.0.1:9/v1/AUTH_x"})
        with pytest.raises(BackendError) as caught:
            await factory.tenant(Tokens(first=here), here, REQUEST_ID).objects.containers()
        assert caught.value.fault is Fault.UNAVAILABLE

    assert set(with_factory(work)) == {("object-store", "GET", 0)}


def test_a_cloud_that_is_down_at_the_start_is_only_not_ready() -> None:
    async def work(factory: CloudFactory) -> None:
        with pytest.raises(BackendError) as caught:
            await factory.identity.ready()
        assert caught.value.fault is Fault.UNAVAILABLE

    with_factory(work)
