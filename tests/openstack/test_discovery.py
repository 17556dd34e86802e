"""Discovery of versioned endpoints from all forms of catalog URLs, with a small server on loopback."""

import asyncio

import pytest
from keystoneauth1.noauth import NoAuth
from keystoneauth1.session import Session as BlockingSession

from adapters.errors import BackendError, Fault
from adapters.openstack.discovery import KeystoneauthDiscovery
from adapters.openstack.transport import Endpoint
from tests.openstack.site import Site, serving
from tests.openstack.stage import PROJECT

NOVA = {"id": "v2.1", "status": "CURRENT", "version": "2.79", "min_version": "2.1"}
CINDER = {"id": "v3.0", "status": "CURRENT", "version": "3.60", "min_version": "3.0"}


def document(version: dict[str, str], path: str) -> dict[str, object]:
    return {**version, "links": [{"rel": "self", "href": "{url}" + path}]}


def discovery() -> KeystoneauthDiscovery:
    return KeystoneauthDiscovery(BlockingSession(auth=NoAuth(), timeout=5))


def find(site: Site, service: str, path: str) -> Endpoint:
    found = asyncio.run(discovery().endpoint(service, site.url + path, PROJECT))
    return Endpoint(found.url.removeprefix(site.url), found.newest)


@pytest.mark.parametrize(
    ("service", "path", "documents", "expected"),
    [
        (
            "compute",
            "/compute/v2.1/",
            {"/compute/v2.1": (200, {"version": document(NOVA, "/compute/v2.1/")})},
            Endpoint("/compute/v2.1", (2, 79)),
        ),
        (
            "compute",
            "/compute",
            {"/compute": (200, {"versions": [document(NOVA, "/compute/v2.1/")]})},
            Endpoint("/compute/v2.1", (2, 79)),
        ),
        # The version document of a proxied service names an internal address: the catalog's is kept.
        (
            "compute",
            "/compute/v2.1",
            {
                "/compute/v2.1": (
                    200,
                    {"version": {**NOVA, "links": [{"rel": "self", "href": "http://internal:8774/"}]}},
                )
            },
            Endpoint("/compute/v2.1", (2, 79)),
        ),
        # Cinder answers 401 below /v3 and lists its versions at its root.
        (
            "block-storage",
            f"/volume/v3/{PROJECT}",
            {
                f"/volume/v3/{PROJECT}": (401, {}),
                "/volume/v3": (401, {}),
                "/volume": (200, {"versions": [document(CINDER, "/volume/v3/")]}),
            },
            Endpoint(f"/volume/v3/{PROJECT}", (3, 60)),
        ),
        (
            "network",
            "/networking",
            {"/networking": (200, {"versions": [document({"id": "v2.0", "status": "CURRENT"}, "/networking/v2.0/")]})},
            Endpoint("/networking/v2.0", None),
        ),
        (
            "image",
            "/image",
            {"/image": (200, {"versions": [document({"id": "v2.9", "status": "CURRENT"}, "/image/v2/")]})},
            Endpoint("/image/v2", None),
        ),
        # The server answers without a version document.
        ("network", "/networking", {"/networking": (200, {"hello": "world"})}, Endpoint("/networking/v2.0", None)),
        ("compute", "/compute/v2.1", {}, Endpoint("/compute/v2.1", None)),
    ],
)
def test_the_catalogs_url_becomes_a_versioned_one(
    service: str, path: str, documents: dict[str, tuple[int, object]], expected: Endpoint
) -> None:
    with serving(documents) as site:
        assert find(site, service, path) == expected


@pytest.mark.parametrize(
    ("service", "path"), [("network", "/v2.0"), ("image", "/image/v2"), ("identity", "/identity/v3")]
)
def test_a_version_in_the_url_is_believed_where_no_microversion_is_needed(service: str, path: str) -> None:
    with serving({}) as site:
        assert find(site, service, path + "/") == Endpoint(path, None)
        assert site.asked == []


def test_tenants_share_what_was_found_and_many_askers_ask_once() -> None:
    other = "b8a69cd832204d7792bff47b65a34034"
    with serving({"": (200, {"versions": [document(CINDER, "/v3/")]})}) as site:

        async def work() -> None:
            found = discovery()
            url = f"{site.url}/v3/"
            await asyncio.gather(*(found.endpoint("block-storage", url + PROJECT, PROJECT) for _ in range(50)))
            asked = len(site.asked)
            assert await found.endpoint("block-storage", url + other, other) == Endpoint(url + other, (3, 60))
            assert len(site.asked) == asked <= 3

        asyncio.run(work())


def test_a_service_that_cannot_be_asked_is_unavailable_and_asked_again_later() -> None:
    async def work() -> None:
        found = discovery()
        with pytest.raises(BackendError) as caught:
            await found.endpoint("compute", site.url + "/v2.1", PROJECT)
        assert caught.value.fault is Fault.UNAVAILABLE
        site.documents["/v2.1"] = (200, {"version": document(NOVA, "/v2.1/")})
        assert (await found.endpoint("compute", site.url + "/v2.1", PROJECT)).newest == (2, 79)

    with serving({path: (503, {}) for path in ("", "/v2.1")}) as site:
        asyncio.run(work())
