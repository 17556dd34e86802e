"""The adapters against a real OpenStack: logins, keys, tokens, microversions, pages, refusals."""

import asyncio
import hashlib
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from openstack.connection import Connection

from adapters.errors import BackendError, Fault
from adapters.openstack import config
from adapters.openstack.cloud import CloudFactory, OpenStackCloud
from adapters.openstack.session import Session
from adapters.types.identity import Token
from tests.openstack.stage import Tokens
from tests.support.names import unique
from tests.support.target import Target

Work = Callable[[CloudFactory], Awaitable[None]]
WithCloud = Callable[[Work], None]


@pytest.fixture
def with_cloud(cloud: Target, monkeypatch: pytest.MonkeyPatch) -> WithCloud:
    """Return a function that runs work with a factory of the gateway's cloud."""
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(cloud.clouds_yaml))

    def run(work: Work) -> None:
        async def go() -> None:
            factory = await CloudFactory.open(config.load(cloud.cloud))
            try:
                await work(factory)
            finally:
                await factory.aclose()

        asyncio.run(go())

    return run


async def main_token(factory: CloudFactory, target: Target) -> Token:
    credential = await factory.identity.ec2_credential(target.keys["main"].access)
    assert credential is not None
    return await factory.identity.token(credential)


async def refusal(work: Awaitable[object]) -> BackendError:
    with pytest.raises(BackendError) as caught:
        await work
    return caught.value


def test_a_key_becomes_its_owners_token(cloud: Target, with_cloud: WithCloud) -> None:
    key = cloud.keys["main"]
    with cloud.connect("main") as native:
        project, user = native.current_project_id, native.current_user_id

    async def work(factory: CloudFactory) -> None:
        await factory.identity.ready()
        credential = await factory.identity.ec2_credential(key.access)
        assert credential is not None
        assert (credential.secret, credential.project_id, credential.user_id) == (key.secret, project, user)
        token = await factory.identity.token(credential)
        assert (token.project_id, token.user_id) == (project, user)
        assert "member" in token.roles
        assert {"compute", "network", "block-storage", "image", "object-store"} <= set(token.catalog)
        assert await factory.identity.ec2_credential("no-such-key") is None
        for wrong in (replace(credential, secret="wrong"), replace(credential, access="wrong")):
            assert (await refusal(factory.identity.token(wrong))).fault is Fault.UNAUTHORIZED

    with_cloud(work)


def test_a_member_may_not_be_the_gateway(cloud: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(cloud.clouds_yaml))

    async def work() -> None:
        factory = await CloudFactory.open(config.load("main"))
        try:
            assert (await refusal(factory.identity.ec2_credential("a" * 32))).fault is Fault.FORBIDDEN
        finally:
            await factory.aclose()

    asyncio.run(work())


def test_every_service_answers_lists_and_refusals(cloud: Target, with_cloud: WithCloud) -> None:
    nobody = str(uuid.uuid4())

    async def work(factory: CloudFactory) -> None:
        token = await main_token(factory, cloud)
        session = Session(factory._transport, Tokens(first=token), str(uuid.uuid4()))
        for service, path, key, one in (
            ("compute", "/servers/detail", "servers", "/servers/"),
            ("network", "/networks", "networks", "/networks/"),
            ("block-storage", "/volumes/detail", "volumes", "/volumes/"),
            ("image", "/images", "images", "/images/"),
        ):
            assert isinstance(await session.pages(service, path, key, {"limit": 1}), list)
            error = await refusal(session.get(service, one + nobody, resource="thing", id=nobody))
            assert (error.fault, error.status, error.id) == (Fault.NOT_FOUND, 404, nobody)
            assert nobody in error.detail
            assert error.upstream_id.startswith("req-")
        assert (await session.microversion("compute") or (0, 0)) >= (2, 79)
        assert (await session.microversion("block-storage") or (0, 0)) >= (3, 59)

    with_cloud(work)


def test_short_pages_give_the_same_rows_as_one_long_page(cloud: Target, with_cloud: WithCloud) -> None:
    async def work(factory: CloudFactory) -> None:
        token = await main_token(factory, cloud)
        session = Session(factory._transport, Tokens(first=token), str(uuid.uuid4()))
        whole = await session.pages("compute", "/flavors/detail", "flavors", {"limit": 1000})
        short = await session.pages("compute", "/flavors/detail", "flavors", {"limit": 1})
        assert sorted(row["id"] for row in short) == sorted(row["id"] for row in whole)
        assert len(whole) > 1

    with_cloud(work)


def test_a_token_that_died_is_renewed_on_the_way(cloud: Target, with_cloud: WithCloud) -> None:
    async def work(factory: CloudFactory) -> None:
        good = await main_token(factory, cloud)
        dead = replace(good, id=hashlib.sha256(b"dead").hexdigest())

        class Renewing(Tokens):
            async def renew(self, stale: Token) -> Token:
                self.renewed.append(stale.id)
                self.held = good
                return good

        for service, path in (("compute", "/servers"), ("network", "/networks"), ("image", "/images")):
            tokens = Renewing(first=dead)
            assert (await Session(factory._transport, tokens, str(uuid.uuid4())).get(service, path)).status == 200
            assert tokens.renewed == [dead.id]
        tenant: OpenStackCloud = factory.tenant(Renewing(first=dead), dead, str(uuid.uuid4()))
        assert isinstance(await tenant.objects.containers(), list)

    with_cloud(work)


LONG_VALUE = "é" * 300 + "end"


def test_swift_keeps_what_is_set(cloud: Target, with_cloud: WithCloud, openstack_main: Connection) -> None:
    store: Any = openstack_main.object_store
    name = unique("meta")

    async def work(factory: CloudFactory) -> None:
        token = await main_token(factory, cloud)
        tenant: OpenStackCloud = factory.tenant(Tokens(first=token), token, str(uuid.uuid4()))
        swift = tenant.objects
        await swift.create_container(name)
        store.set_container_metadata(name, **{"temp-url-key": "secret", "owner": "alice"})
        for items in ({"s3-a_b": LONG_VALUE, "s3-c": "1"}, {"s3-a_b": "short"}, {"s3-a_b": LONG_VALUE}, {"s3-c": "2"}):
            await swift.set_container_metadata(name, items)
            found = (await swift.container(name)).metadata
            assert {key: found[key] for key in items} == items
        assert found == {"owner": "alice", "s3-a_b": LONG_VALUE, "s3-c": "2"}
        await swift.set_container_metadata(name, {"s3-a_b": "", "s3-c": ""})
        assert (await swift.container(name)).metadata == {"owner": "alice"}
        assert (await asyncio.to_thread(store.get_container_metadata, name)).meta_temp_url_key == "secret"

    try:
        with_cloud(work)
    finally:
        store.delete_container(name)
