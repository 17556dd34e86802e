"""Checks Swift's `/info` for the middlewares and limits that S3's features need."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapters.errors import BackendError
from adapters.openstack.doctor.examination import Examination
from adapters.openstack.doctor.findings import Finding, Verdict, fine, note
from adapters.openstack.doctor.services import absent, unreachable
from adapters.openstack.swift import info

_SERVICE: Final = "object-store"
_GIB: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class _Middleware:
    """A middleware of Swift's proxy by its name in `/info`, and the effect of its absence."""

    name: str
    lost: str
    verdict: Verdict = Verdict.NOTE


@dataclass(frozen=True, slots=True)
class _Limit:
    """A limit by its path in `/info`, S3's value, and the effect on clients if Swift's is smaller."""

    path: tuple[str, str]
    least: int
    lost: str


_MIDDLEWARES: Final = (
    _Middleware("slo", "multipart uploads cannot be completed", Verdict.PROBLEM),
    _Middleware("bulk_delete", "DeleteObjects deletes one object at a time"),
    _Middleware("symlink", "objects that are links cannot be seen as such"),
    _Middleware("versioned_writes", "buckets have no versions"),
    _Middleware("object_versioning", "buckets have no versions"),
    _Middleware("staticweb", "Swift itself serves no websites"),
    _Middleware("tempurl", "Swift itself serves no temporary URLs"),
    _Middleware("container_quotas", "containers have no quotas"),
    _Middleware("account_quotas", "accounts have no quotas"),
)
_LIMITS: Final = (
    _Limit(("swift", "max_file_size"), 5 * _GIB, "larger uploads in one part are refused"),
    _Limit(("swift", "max_object_name_length"), 1024, "longer keys are refused"),
    _Limit(("swift", "container_listing_limit"), 1001, "a listing of 1,000 keys takes several requests"),
    _Limit(("swift", "max_meta_overall_size"), 2048, "more metadata of one object is refused"),
    _Limit(("slo", "max_manifest_segments"), 10_000, "uploads of more parts cannot be completed"),
    _Limit(("slo", "max_manifest_size"), 8 << 20, "uploads of many parts are manifests of more manifests"),
    _Limit(("bulk_delete", "max_deletes_per_request"), 1000, "DeleteObjects takes several calls"),
)


async def swift(at: Examination) -> AsyncIterator[Finding]:
    """Check Swift's middlewares and limits."""
    url = at.token.catalog.get(_SERVICE)
    if not url:
        yield absent(_SERVICE)
        return
    place = f"{info.root_of(url)}/info"
    try:
        answer = await at.get(_SERVICE, place)
        account = await at.get(_SERVICE, url + "?limit=1", {"X-Auth-Token": at.token.id})
    except BackendError as error:
        yield unreachable(_SERVICE, url, error.detail)
        return
    if account.status >= 500:
        yield unreachable(_SERVICE, url, f"status {account.status}")
        return
    yield fine(f"{_SERVICE}: endpoint", url)
    told = answer.json() if answer.status == 200 else None
    if not isinstance(told, dict):
        advice = "Set expose_info = true in proxy-server.conf; the gateway takes careful limits meanwhile."
        yield note(f"{_SERVICE}: info", f"{place} answers {answer.status}", advice)
        return
    for finding in (*middlewares(told), *abilities(told), *limits(told), *policies(told, at.policies)):
        yield finding


def policies(told: Mapping[str, Any], wanted: Collection[str]) -> Iterator[Finding]:
    """Yield a finding for each storage policy that storage classes are mapped to."""
    missing = info.lacking_policies(info.limits_of(told), wanted)
    for name in sorted(wanted):
        about = f"{_SERVICE}: storage policy {name}"
        if name in missing:
            advice = "Name one that /info shows in PASSERELLE_S3_STORAGE_CLASSES."
            yield Finding(about, Verdict.PROBLEM, f"missing, so {info.POLICY_LOST}", advice)
        else:
            yield fine(about, "there")


def abilities(told: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a finding for each ability that other servers of Swift's API lack."""
    for one in info.ABILITIES:
        about = f"{_SERVICE}: {one.name}"
        if info.has(told, one):
            yield fine(about, "there")
        else:
            advice = "Only Swift's own proxy has this; `passerelle doctor --probe` tries it."
            yield note(about, f"not shown, so {one.lost}", advice)


def middlewares(told: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a finding for each relevant middleware of the proxy's pipeline."""
    version = told.get("swift", {}).get("version", "of an unknown version")
    yield fine(f"{_SERVICE}: version", f"Swift {version}")
    for one in _MIDDLEWARES:
        about = f"{_SERVICE}: {one.name}"
        if one.name in told:
            yield fine(about, "there")
        else:
            advice = f"Add {one.name} to the pipeline of proxy-server.conf to have it."
            yield Finding(about, one.verdict, f"missing, so {one.lost}", advice)


def limits(told: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a finding for each limit, with advice if it is below S3's."""
    for one in _LIMITS:
        section, name = one.path
        value = told.get(section, {}).get(name)
        if not isinstance(value, int):
            continue
        about = f"{_SERVICE}: {name}"
        if value >= one.least:
            yield fine(about, str(value))
        else:
            advice = f"Raise {name} in Swift's configuration to {one.least} to have all that S3 allows."
            yield note(about, f"{value}, below S3's {one.least}: {one.lost}", advice)
