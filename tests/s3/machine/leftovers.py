"""What Swift keeps of a bucket beside its objects, as Swift's own API shows it: segments and side records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from openstack.connection import Connection

from tests.s3.machine.model import NULL, Model


def orphans(native: Connection, bucket: str, model: Model) -> dict[str, str]:
    """Return the segments that no manifest names, and the records of no version, by their names with their keys.

    An upload's id is part of a segment's name, so no two containers have segments of one name.
    """
    return {name: key for key, name in (*_segments(native, bucket, model), *_records(native, bucket, model))}


def _segments(native: Connection, bucket: str, model: Model) -> Iterable[tuple[str, str]]:
    used = set(_named_by_manifests(native, bucket))
    for container in _segment_containers(bucket):
        for name in _names(native, container):
            key, upload, *_ = _split(name)
            if (container, name) not in used and (key, upload) not in model.uploads:
                yield key, name


def _segment_containers(bucket: str) -> tuple[str, str]:
    return f"{bucket}+segments", f"{bucket}+segments+cold"


def _split(name: str) -> tuple[str, str]:
    """Return the key and the upload of a segment, or of an open upload: `<key>/<upload>[/<number>]`."""
    above, _, last = name.rpartition("/")
    if last.isdigit():
        above, _, last = above.rpartition("/")
    return above, last


def _named_by_manifests(native: Connection, bucket: str) -> Iterable[tuple[str, str]]:
    for row in _rows(native, f"{bucket}?versions&format=json"):
        if "slo_etag" not in row:
            continue
        version = row.get("version_id", NULL)
        asked = "" if version == NULL else f"&version-id={version}"
        answer = native.object_store.get(f"/{bucket}/{quote(row['name'])}?multipart-manifest=get{asked}")
        answer.raise_for_status()
        for segment in answer.json():
            container, _, name = segment["name"].removeprefix("/").partition("/")
            assert container in _segment_containers(bucket)
            yield container, name


def cold_objects(native: Connection, bucket: str) -> int:
    """Return how many versions have segments under the policy `cold`, all of one segment or part."""
    return sum(container.endswith("+cold") for container, _ in _named_by_manifests(native, bucket))


def _records(native: Connection, bucket: str, model: Model) -> Iterable[tuple[str, str]]:
    there = {(key, version.id) for key, found in model.keys.items() for version in found}
    for name in _names(native, f"{bucket}+records"):
        key, _, version = name.rpartition("/")
        if (key, version) not in there:
            yield key, name


def _names(native: Connection, container: str) -> list[str]:
    return [row["name"] for row in _rows(native, f"{quote(container)}?format=json")]


def _rows(native: Connection, path: str) -> list[dict[str, Any]]:
    answer = native.object_store.get(f"/{path}")
    return [] if answer.status_code == 404 else list(answer.json())
