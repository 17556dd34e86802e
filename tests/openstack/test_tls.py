"""TLS to the cloud by all three clients: only the CA that clouds.yaml names is trusted, if it names one."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from keystoneauth1.identity.generic import Password

from adapters.errors import BackendError, Fault
from adapters.openstack.cloud import CloudFactory
from adapters.openstack.config import CloudConfig
from tests.openstack.site import serving
from tests.openstack.stage import REQUEST_ID, Tokens, token
from tests.support.certificates import self_signed

VERSION = {"version": {"id": "v2.1", "status": "CURRENT", "version": "2.95", "min_version": "2.1", "links": []}}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


def with_tls_cloud(
    certificate: tuple[Path, Path], verify: bool | str, work: Callable[[CloudFactory, Tokens], Awaitable[None]]
) -> None:
    async def go(root: str) -> None:
        plugin = Password(f"{root}/v3", username="g", password="p", user_domain_id="d")
        factory = await CloudFactory.open(
            CloudConfig("c", f"{root}/v3", "", "public", verify, None, {}, plugin, None, b"")
        )
        catalog = {"compute": f"{root}/v2.1", "object-store": f"{root}/v1/AUTH_x"}
        try:
            await work(factory, Tokens(first=replace(token(), catalog=catalog)))
        finally:
            await factory.aclose()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    documents: dict[str, tuple[int, object]] = {
        "/v2.1": (200, VERSION),
        "/v2.1/flavors/detail": (200, {"flavors": []}),
        "/v1/AUTH_x": (200, []),
    }
    with serving(documents, context) as site:
        asyncio.run(go(site.url))


@pytest.mark.parametrize("named", [True, False])
def test_a_cloud_with_its_own_ca_or_an_unchecked_one_is_reached(certificate: tuple[Path, Path], named: bool) -> None:
    async def work(factory: CloudFactory, tokens: Tokens) -> None:
        cloud = factory.tenant(tokens, tokens.held, REQUEST_ID)
        assert await cloud.compute.flavors() == []
        assert await cloud.objects.containers() == []

    with_tls_cloud(certificate, str(certificate[0]) if named else False, work)


def test_a_ca_that_nobody_named_is_not_trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    # CAs that the environment sets for other programs are not trusted.
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(variable, str(certificate[0]))

    async def work(factory: CloudFactory, tokens: Tokens) -> None:
        cloud = factory.tenant(tokens, tokens.held, REQUEST_ID)
        for call in (cloud.compute.flavors, cloud.objects.containers, factory.identity.ready):
            with pytest.raises(BackendError) as caught:
                await call()
            assert caught.value.fault is Fault.UNAVAILABLE

    with_tls_cloud(certificate, True, work)
