"""Checks the quotas of a new project: small ones are limits that AWS's clients do not expect."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapters.errors import BackendError
from adapters.openstack.doctor.examination import Examination
from adapters.openstack.doctor.findings import Finding, fine, note, problem


@dataclass(frozen=True, slots=True)
class _Quota:
    """A quota's name, the least value that AWS's clients need, and the effect of a smaller one."""

    name: str
    least: int
    lost: str


@dataclass(frozen=True, slots=True)
class _Source:
    """The path and the member where a service shows a new project's quotas, and the relevant quotas."""

    service: str
    path: str
    member: str
    quotas: tuple[_Quota, ...]


_SOURCES: Final = (
    _Source(
        "compute",
        "/os-quota-sets/{project}/defaults",
        "quota_set",
        (
            _Quota("instances", 10, "InstanceLimitExceeded"),
            _Quota("cores", 20, "VcpuLimitExceeded"),
            _Quota("ram", 51_200, "InstanceLimitExceeded"),
            _Quota("key_pairs", 100, "KeyPairLimitExceeded"),
            # 50 tags, which may take two items each, and the gateway's own items.
            _Quota("metadata_items", 128, "TagLimitExceeded"),
        ),
    ),
    _Source(
        "block-storage",
        "/os-quota-sets/{project}/defaults",
        "quota_set",
        (
            _Quota("volumes", 10, "VolumeLimitExceeded"),
            _Quota("gigabytes", 1000, "MaxVolumeSizeExceeded"),
            _Quota("snapshots", 10, "SnapshotLimitExceeded"),
        ),
    ),
    _Source(
        "network",
        "/quotas/{project}/default",
        "quota",
        (
            _Quota("security_group", 10, "SecurityGroupLimitExceeded"),
            _Quota("security_group_rule", 100, "RulesPerSecurityGroupLimitExceeded"),
            _Quota("router", 10, "VpcLimitExceeded"),
            _Quota("port", 50, "InsufficientFreeAddressesInSubnet"),
            _Quota("network", 10, "VpcLimitExceeded"),
            _Quota("subnet", 10, "SubnetLimitExceeded"),
            _Quota("floatingip", 5, "AddressLimitExceeded"),
        ),
    ),
)


async def quotas(at: Examination) -> AsyncIterator[Finding]:
    """Check the quotas of a new project, as far as the gateway's user may read them."""
    for source in _SOURCES:
        about = f"{source.service}: quotas"
        if source.service not in at.token.catalog:
            continue
        try:
            answer = await at.session().get(source.service, source.path.format(project=at.token.project_id))
            told = answer.member(source.member)
        except BackendError as error:
            advice = "Look at them as an admin: openstack quota show --default"
            yield note(
                about, f"cannot be read by the gateway's user (status {error.status or error.fault.value})", advice
            )
            continue
        findings = list(compared(about, source, told))
        for finding in findings:
            yield finding
        if not findings:
            yield fine(about, "a new project's are large enough")


def compared(about: str, source: _Source, told: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a finding for each quota that is too small; -1 means unlimited."""
    for quota in source.quotas:
        value = told.get(quota.name)
        if not isinstance(value, int) or value < 0 or value >= quota.least:
            continue
        advice = f"Raise it: openstack quota set --class --{quota.name.replace('_', '-')} {quota.least} default"
        says = f"{quota.name} is {value}; clients soon get {quota.lost}"
        yield (problem if value == 0 else note)(about, says, advice)
