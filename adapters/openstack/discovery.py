"""Discovery: from a catalog's URL to the URL that requests go to, and the newest microversion there.

Catalogs name services with or without a version ("http://c/v2.1", "http://c/image"), with or without the project.
keystoneauth knows how to read the version documents of all of them, their broken links included; it blocks, so it runs
in a thread, once for each URL of the process.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any, Final

from keystoneauth1 import discover, exceptions
from keystoneauth1.session import Session as BlockingSession

from adapters.openstack import faults
from adapters.openstack.microversions import WANTED, Microversion
from adapters.openstack.transport import Endpoint

log = logging.getLogger(__name__)

# The major version that the gateway uses, and its path if a service has no usable version document.
_MAJOR: Final = {
    "compute": (2, "/v2.1"),
    "network": (2, "/v2.0"),
    "image": (2, "/v2"),
    "block-storage": (3, "/v3"),
    "key-manager": (1, "/v1"),
    "identity": (3, "/v3"),
}

_VERSION: Final = re.compile(r"/v\d+(\.\d+)?(?=/|$)")
_PROJECT: Final = "{project}"


class KeystoneauthDiscovery:
    """Discovers endpoints and caches them until the process ends; failures are not cached."""

    def __init__(self, session: BlockingSession) -> None:
        """`session` logs in as the gateway: Cinder shows its version below /v3 only to authenticated callers."""
        self._session = session
        # Keyed by the URL without its project, so that tenants share one entry.
        self._found: dict[tuple[str, str], Endpoint] = {}
        self._asking: dict[tuple[str, str], asyncio.Lock] = {}

    async def endpoint(self, service: str, url: str, project_id: str) -> Endpoint:
        """Return the endpoint of `service`; raise BackendError UNAVAILABLE when its version document cannot be read."""
        shape = url.rstrip("/")
        if project_id:
            shape = shape.replace(project_id, _PROJECT)
        key = (service, shape)
        found = self._found.get(key)
        if found is None:
            if service not in WANTED and _VERSION.search(shape):
                found = Endpoint(shape, None)  # the path names the version, and the service has no microversions
            else:
                async with self._asking.setdefault(key, asyncio.Lock()):
                    found = self._found.get(key) or await self._ask(service, shape, project_id)
            self._found[key] = found
        if _PROJECT in found.url:
            return Endpoint(found.url.replace(_PROJECT, project_id), found.newest)
        return found

    async def _ask(self, service: str, shape: str, project_id: str) -> Endpoint:
        try:
            found = await asyncio.to_thread(self._discover, service, shape.replace(_PROJECT, project_id), project_id)
        except exceptions.ClientException as error:
            log.warning("version discovery of %s failed: %s", service, faults.clean(str(error)))
            raise faults.unavailable(service, f"version discovery: {type(error).__name__}") from error
        versioned = _VERSION.search(shape)
        if found is None:
            # The service answers, but not with a version document: assume the usual path; a wrong one answers 404.
            log.warning("%s has no version document at %s", service, shape)
            return Endpoint(shape if versioned else shape + _MAJOR[service][1], None)
        # A version document may name another path than the catalog; the catalog's is the public one.
        url = shape if versioned else found["url"].rstrip("/")
        return Endpoint(url, _microversion(found["max_microversion"]))

    def _discover(self, service: str, url: str, project_id: str) -> Any:
        """Return keystoneauth's data of the version that the gateway speaks, or None where no document lists it."""
        for place in _places(url, project_id):
            try:
                documents = discover.Discover(self._session, place, authenticated=False)
            except (exceptions.DiscoveryFailure, exceptions.HTTPClientError) as error:
                log.debug("no version document at %s: %s", place, faults.clean(str(error)))
                continue
            major = _MAJOR[service][0]
            found = documents.versioned_data_for(min_version=(major, 0), max_version=(major, discover.LATEST))
            if found:
                return found
        return None


def _places(url: str, project_id: str) -> list[str]:
    """Return the URLs that may have a version document: the version's, and the root above it; not below the project."""
    if project_id:
        url = url.removesuffix(f"/{project_id}")
    version = _VERSION.search(url)
    return [f"{url}/", f"{url[: version.start()]}/"] if version else [url, f"{url}/"]


def _microversion(found: tuple[int, ...] | None) -> Microversion | None:
    return (found[0], found[1]) if found and len(found) > 1 else None
