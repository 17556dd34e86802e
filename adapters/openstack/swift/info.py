"""Reads from `GET /info` what a Swift allows and what it can do.

Other servers answer Swift's API as well, Ceph's radosgw for one.  None of them tells all that it lacks, so each row of
ABILITIES names the key of `/info` that shows an ability: the middleware that has it states this limit of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapters.openstack.swift.cache import SwiftCache
from adapters.openstack.swift.http import SwiftHttp, parsed, unavailable
from adapters.types.objects import Limits

# The end of an endpoint's path: the version, and the account where the URL names one.  radosgw takes the account from
# the token, unless `rgw_swift_account_in_url` is set.
_VERSION: Final = re.compile(r"/v1(?:\.0)?(?:/[^/]*)?/*$")
_HIDDEN: Final = range(400, 500)
# A bulk_delete that states no limit, as radosgw's, takes at least as many names as one DeleteObjects.
_BULK_DELETE: Final = 1000


@dataclass(frozen=True, slots=True)
class Ability:
    """Something that this Swift may lack.

    `field` is its name in `Limits`, `shown_by` the section and the key of `/info` that show it, and `lost` the effect
    of its absence on S3's clients.
    """

    name: str
    field: str
    shown_by: tuple[str, str]
    lost: str


ABILITIES: Final = (
    Ability(
        "versions of objects",
        "versions",
        ("object_versioning", ""),
        "PutBucketVersioning and Object Lock are refused (501 NotImplemented)",
    ),
    Ability(
        "conditional writes",
        "if_absent",
        ("swift", "max_header_size"),
        "If-None-Match holds among the clients of the gateway only",
    ),
    Ability(
        "conditional copies and copies of ranges",
        "copies",
        ("swift", "max_header_size"),
        "the bytes of CopyObject and UploadPartCopy pass through the gateway",
    ),
    Ability(
        "manifests that can be read and nested",
        "manifests",
        ("slo", "min_segment_size"),
        "an upload has at most as many parts as one manifest has segments, and a listing looks up each multipart "
        "object on its page; storage classes that are mapped to storage policies are refused",
    ),
)


POLICY_LOST: Final = "storage classes that it is mapped to are refused"


def root_of(endpoint: str) -> str:
    """Return the URL that `/info` is below: radosgw serves it beside its own `/swift/v1`.

    >>> root_of("https://here/v1/AUTH_x"), root_of("https://here:7480/swift/v1")
    ('https://here', 'https://here:7480/swift')
    """
    return _VERSION.sub("", endpoint)


async def limits(http: SwiftHttp, cache: SwiftCache) -> Limits:
    """Return a Swift's limits and abilities; those of a usual Swift where it hides them (`expose_info = false`).

    Raises UNAVAILABLE where it fails: it might be one that lacks something.
    """
    root = root_of(http.endpoint)
    known = cache.limits(root)
    if known is None:
        status, body = await http.public(root, "/info")
        if status == 200:
            known = limits_of(parsed(body, dict))
        elif status in _HIDDEN:
            known = Limits()
        else:
            raise unavailable(f"/info answers {status}")
        cache.keep_limits(root, known)
    return known


def limits_of(info: Mapping[str, Any]) -> Limits:
    """Read limits and abilities from the document of `/info`."""
    usual = Limits()
    rows = _number(info, "swift", "container_listing_limit", usual.rows)
    bulk_delete = _BULK_DELETE if "bulk_delete" in info else 0
    return Limits(
        segments=_number(info, "slo", "max_manifest_segments", usual.segments),
        manifest_bytes=_number(info, "slo", "max_manifest_size", usual.manifest_bytes),
        bulk_delete=_number(info, "bulk_delete", "max_deletes_per_request", bulk_delete),
        rows=rows,
        containers=_number(info, "swift", "account_listing_limit", rows),
        name_bytes=_number(info, "swift", "max_object_name_length", usual.name_bytes),
        metadata_bytes=_number(info, "swift", "max_meta_overall_size", usual.metadata_bytes),
        metadata_items=_number(info, "swift", "max_meta_count", usual.metadata_items),
        value_bytes=_number(info, "swift", "max_meta_value_length", usual.value_bytes),
        policies=frozenset(_policies(info)),
        **{ability.field: has(info, ability) for ability in ABILITIES},
    )


def has(info: Mapping[str, Any], ability: Ability) -> bool:
    """Return whether `/info` shows an ability."""
    section, key = ability.shown_by
    return key in (info.get(section) or ()) if key else section in info


def lacks(limits: Limits, policies: Iterable[str] = ()) -> list[str]:
    """Return a sentence for each ability that is missing, with what the gateway refuses or does instead.

    `policies` are the storage policies that the gateway's settings name.
    """
    missing = lacking_policies(limits, policies)
    return [
        *(f"has no {one.name}: {one.lost}" for one in ABILITIES if not getattr(limits, one.field)),
        *(f"has no storage policy {one!r}: {POLICY_LOST}" for one in missing),
    ]


def lacking_policies(limits: Limits, policies: Iterable[str]) -> list[str]:
    """Return those of some storage policies, in lower case, that this Swift lacks; none where it does not say."""
    return sorted(set(policies) - limits.policies) if limits.policies else []


def _policies(info: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of all storage policies that are not deprecated; Swift does not mind the case of letters."""
    section = info.get("swift")
    told = section.get("policies") if isinstance(section, dict) else None
    for one in told if isinstance(told, list) else ():
        if isinstance(one, dict):
            names = f"{one.get('name', '')},{one.get('aliases', '')}".lower().split(",")
            yield from filter(None, map(str.strip, names))


def _number(info: Mapping[str, Any], section: str, key: str, usual: int) -> int:
    """Return a limit; the usual one where it is not stated, or is no positive number."""
    part = info.get(section)
    found = part.get(key) if isinstance(part, dict) else None
    return found if isinstance(found, int) and found > 0 else usual
