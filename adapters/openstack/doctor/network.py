"""Checks whether Neutron lets the gateway's own user set the external gateways of projects' routers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from adapters.errors import BackendError
from adapters.openstack.doctor.examination import Examination
from adapters.openstack.doctor.findings import Finding, fine, note

_ABOUT: Final = "network: router policy"
_ADVICE: Final = "Give Neutron the rules of adapters/openstack/neutron/policy.yaml (docs/running.md)."


async def routers(at: Examination) -> AsyncIterator[Finding]:
    """List routers: without the policy's rules Neutron shows the gateway's user none of other projects."""
    if "network" not in at.token.catalog:
        return
    try:
        granted = await at.factory.sees_routers()
    except BackendError as error:
        yield note(_ABOUT, f"Neutron could not be asked: {error.detail or error.fault.value}", _ADVICE)
        return
    if granted:
        yield fine(_ABOUT, "the gateway's user may set external gateways without translation")
    else:
        yield note(
            _ABOUT,
            "the gateway's user sees no router, so routers of VPCs with an internet gateway translate addresses: "
            "instances without a public address reach the internet",
            f"{_ADVICE} Where they are given, no project has a router yet.",
        )
