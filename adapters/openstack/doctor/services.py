"""Checks that each service is in the catalogue, answers, accepts the gateway's token, and has the microversions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from adapters.errors import BackendError, Fault
from adapters.openstack import microversions
from adapters.openstack.barbican.barbican import Barbican
from adapters.openstack.doctor.examination import Examination
from adapters.openstack.doctor.findings import Finding, fine, note, problem
from adapters.openstack.transport import Endpoint

# A small request for each service.
_PATHS: Final = {
    "compute": "/flavors?limit=1",
    "network": "/extensions",
    "block-storage": "/types?limit=1",
    "image": "/images?limit=1",
    "key-manager": "/secrets?limit=1",  # 403 is an answer: the gateway's user needs no role there
}
_LOST: Final = {
    "compute": "instances, images' types and key pairs cannot be served",
    "network": "VPCs, subnets and security groups cannot be served",
    "block-storage": "volumes and snapshots cannot be served",
    "image": "images cannot be served",
    "object-store": "S3 cannot be served",
    "key-manager": "SSE-KMS cannot be served, nor keys of SSE-S3 be kept there",
}


async def services(at: Examination) -> AsyncIterator[Finding]:
    """Check every service of the control plane; Swift has its own check."""
    for service, path in _PATHS.items():
        url = at.token.catalog.get(service)
        if not url:
            yield absent(service)
            continue
        try:
            endpoint = await at.factory.endpoint(at.token, service)
            yield _version(service, endpoint)
            answer = await at.get(service, endpoint.url + path, {"X-Auth-Token": at.token.id})
        except BackendError as error:
            yield unreachable(service, url, error.detail)
            continue
        yield _answered(service, endpoint.url, answer.status)


async def secret_keys(at: Examination) -> AsyncIterator[Finding]:
    """Check that the gateway can read its keys in Barbican, if it keeps them there."""
    if not at.key_secret:
        return
    about = "key-manager: keys"
    manager = Barbican(at.session(), available="key-manager" in at.token.catalog)
    try:
        found = await manager.keys(at.key_secret)
        if not found:
            yield problem(about, f"no key is named {at.key_secret}", "Make one: passerelle keys add-secret")
            return
        await manager.key(found[-1])
    except BackendError as error:
        refused = error.fault in (Fault.FORBIDDEN, Fault.UNAUTHORIZED)
        advice = "Grant its user the role member on its own project." if refused else "Look into Barbican's log."
        yield problem(about, f"the gateway cannot read them ({error.fault.value})", advice)
        return
    yield fine(about, f"{len(found)} named {at.key_secret}, and the newest can be read")


def absent(service: str) -> Finding:
    """Return the finding about a service that is not in the catalogue for the gateway's region."""
    return note(
        f"{service}: endpoint", f"not in the catalogue, so {_LOST[service]}", "Add it to the catalogue if it exists."
    )


def unreachable(service: str, url: str, detail: str) -> Finding:
    """Return the finding about a service that does not answer."""
    advice = (
        "See that it runs, and that the gateway's host reaches this address; PASSERELLE_INTERFACE picks another one."
    )
    return problem(f"{service}: endpoint", f"no answer from {url}: {detail}", advice)


def _answered(service: str, url: str, status: int) -> Finding:
    about = f"{service}: endpoint"
    if status == 401:
        return problem(about, f"{url} refuses the gateway's token", "Check [keystone_authtoken] of the service.")
    if status >= 500:
        return problem(about, f"{url} answers {status}", "Look into the service's log.")
    return fine(about, url)


def _version(service: str, endpoint: Endpoint) -> Finding:
    about = f"{service}: microversion"
    wanted = microversions.WANTED.get(service)
    if wanted is None:
        return fine(about, "the service has none")
    if endpoint.newest is None:
        return note(about, "the service does not tell its newest one", f"The gateway asks for {_text(wanted)}.")
    if endpoint.newest < wanted:
        advice = f"Calls use {_text(endpoint.newest)}; actions that need more are refused by the service."
        return note(about, f"newest is {_text(endpoint.newest)}, the gateway wants {_text(wanted)}", advice)
    return fine(about, f"{_text(wanted)} of up to {_text(endpoint.newest)}")


def _text(version: microversions.Microversion) -> str:
    return f"{version[0]}.{version[1]}"
