"""All checks, in the order in which one depends on another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from typing import Final

from adapters.errors import BackendError
from adapters.openstack.cloud import CloudFactory
from adapters.openstack.doctor import identity, network
from adapters.openstack.doctor.examination import Examination
from adapters.openstack.doctor.findings import Finding, Verdict, problem
from adapters.openstack.doctor.quotas import quotas
from adapters.openstack.doctor.services import secret_keys, services
from adapters.openstack.doctor.swift import swift
from adapters.openstack.doctor.swift_probe import probe

Check = Callable[[Examination], AsyncIterator[Finding]]

# The other checks need these to succeed.
_FIRST: Final[tuple[Check, ...]] = (identity.version, identity.login)
_THEN: Final[tuple[Check, ...]] = (
    identity.grants,
    identity.projects,
    identity.region,
    services,
    network.routers,
    network.ipv6_pool,
    secret_keys,
    swift,
    quotas,
)


async def examine(
    factory: CloudFactory,
    key_secret: str = "",
    *,
    policies: Collection[str] = (),
    ipv6_pool: str = "",
    probing: bool = False,
) -> AsyncIterator[Finding]:
    """Run all checks; yield each finding as soon as it is known.  With `probing`, also the check that writes.

    `key_secret` names the gateway's keys in Barbican, `policies` the storage policies that it is to use,
    `ipv6_pool` the subnet pool of VPCs' IPv6 blocks.
    """
    at = Examination(factory, key_secret, policies, ipv6_pool)
    for check in _FIRST:
        async for finding in check(at):
            yield finding
            if finding.verdict is Verdict.PROBLEM:
                return
    for check in (*_THEN, probe) if probing else _THEN:
        try:
            async for finding in check(at):
                yield finding
        except BackendError as error:
            says = f"{error.service}: {error.detail or error.fault.value}"
            yield problem(
                f"{error.service}: {check.__name__}", says, "See that the service runs, and look into its log."
            )
    for finding in at.clocks.findings():
        yield finding
