"""The records of events, as S3 writes them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus

from shim.protocol.faults import host_id
from shim.s3.notifications.events import ACL, EXPIRED, EXPIRED_MARKER, MARKER, TAGGED, UNTAGGED

# "It uses version 2.3 for S3 Lifecycle, S3 Intelligent-Tiering, object ACL, object tagging, and object restoration
# delete events.  [...] version 2.1, which Amazon S3 currently uses for all other event notification types."
_NEWER: Final = frozenset((TAGGED, UNTAGGED, ACL, EXPIRED, EXPIRED_MARKER))
_OF_NOTHING: Final = "d41d8cd98f00b204e9800998ecf8427e"  # the ETag that S3 tells of a delete marker
_MARKERS: Final = frozenset((MARKER, EXPIRED_MARKER))
_NOT_IN_ORDER: Final = frozenset((TAGGED, UNTAGGED, ACL))  # "only used with PUT and DELETE requests" (sequencer)


class Event(NamedTuple):
    """Something that happened to an object: its size and ETag where they are known, and its version if it has one."""

    name: str
    key: str
    size: int | None = None
    etag: str = ""
    version: str = ""


class Scene(NamedTuple):
    """Where and by whose request events happened; `user` and `client` are '' for what S3 itself does."""

    region: str
    request_id: str
    user: str
    client: str
    bucket: str
    owner: str


def record(event: Event, scene: Scene, configuration: str, at: datetime, order: int) -> dict[str, Any]:
    """Return the record of an event for the configuration with that id; records of a key have the order of `order`."""
    thing: dict[str, Any] = {"key": quote_plus(event.key, safe="/", errors="surrogateescape")}
    if event.size is not None:
        thing["size"] = event.size
    if etag := _OF_NOTHING if event.name in _MARKERS else event.etag:
        thing["eTag"] = etag
    if event.version:
        thing["versionId"] = event.version
    if event.name not in _NOT_IN_ORDER:
        thing["sequencer"] = f"{order:018X}"
    return {
        "eventVersion": "2.3" if event.name in _NEWER else "2.1",
        "eventSource": "aws:s3",
        "awsRegion": scene.region,
        "eventTime": _time(at),
        "eventName": event.name.removeprefix("s3:"),
        "userIdentity": {"principalId": scene.user or "s3.amazonaws.com"},
        "requestParameters": {"sourceIPAddress": scene.client or "s3.amazonaws.com"},
        "responseElements": {"x-amz-request-id": scene.request_id, "x-amz-id-2": host_id(scene.request_id)},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": scene.bucket,
                "ownerIdentity": {"principalId": scene.owner},
                "arn": f"arn:aws:s3:::{scene.bucket}",
            },
            "object": thing,
        },
    }


def test_event(bucket: str, request_id: str, at: datetime) -> dict[str, str]:
    """Return the message that S3 sends to a new destination."""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": _time(at),
        "Bucket": bucket,
        "RequestId": request_id,
        "HostId": host_id(request_id),
    }


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
