"""The events that a bucket can be notified of.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
"""

from __future__ import annotations

from typing import Final

PUT: Final = "s3:ObjectCreated:Put"
POST: Final = "s3:ObjectCreated:Post"
COPY: Final = "s3:ObjectCreated:Copy"
COMPLETE: Final = "s3:ObjectCreated:CompleteMultipartUpload"
DELETE: Final = "s3:ObjectRemoved:Delete"
MARKER: Final = "s3:ObjectRemoved:DeleteMarkerCreated"
TAGGED: Final = "s3:ObjectTagging:Put"
UNTAGGED: Final = "s3:ObjectTagging:Delete"
ACL: Final = "s3:ObjectAcl:Put"
EXPIRED: Final = "s3:LifecycleExpiration:Delete"
EXPIRED_MARKER: Final = "s3:LifecycleExpiration:DeleteMarkerCreated"

SENT: Final = (PUT, POST, COPY, COMPLETE, DELETE, MARKER, TAGGED, UNTAGGED, ACL, EXPIRED, EXPIRED_MARKER)


def _members(family: str) -> frozenset[str]:
    return frozenset(event for event in SENT if event.startswith(family))


# The events that each name of a configuration covers.
_COVERED: Final = {event: frozenset((event,)) for event in SENT} | {
    f"{family}*": _members(family)
    for family in ("s3:ObjectCreated:", "s3:ObjectRemoved:", "s3:ObjectTagging:", "s3:LifecycleExpiration:")
}


# AWS's other events, which are not sent: objects here are not restored, replicated, annotated or moved to other
# classes, and `ObjectRetention:Put` is not noted.
_NEVER: Final = frozenset(
    f"s3:{name}"
    for name in (
        "ReducedRedundancyLostObject",
        "LifecycleTransition",
        "IntelligentTiering",
        "ObjectRetention:Put",
        *(f"ObjectRestore:{one}" for one in ("*", "Post", "Completed", "Delete")),
        *(f"ObjectAnnotation:{one}" for one in ("*", "Put", "Delete")),
        "Replication:*",
        "Replication:OperationFailedReplication",
        "Replication:OperationNotTracked",
        "Replication:OperationMissedThreshold",
        "Replication:OperationReplicatedAfterThreshold",
    )
)


def covered(names: list[str]) -> frozenset[str]:
    """Return the events that the names of a configuration cover; none for names of events that never happen here."""
    return frozenset(event for name in names for event in _COVERED.get(name, ()))


def is_sent(name: str) -> bool:
    """Tell whether a name covers events that are sent here."""
    return name in _COVERED


def is_known(name: str) -> bool:
    """Tell whether AWS has a name."""
    return name in _COVERED or name in _NEVER
