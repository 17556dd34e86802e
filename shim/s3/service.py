"""The S3 service: the registry that every resource file fills with its actions."""

from __future__ import annotations

from shim.protocol.service import Service

s3 = Service("s3")
action = s3.action

# Why some parameters are taken and need no act, in the words that the list of supported parameters shows.
NO_RETENTION = {
    "MFA": "buckets have no MFA delete that it could unlock",
    "BypassGovernanceRetention": "no object is under a retention that it could bypass",
}
NOT_ARCHIVED = {"OptionalObjectAttributes": "asks for the state of restores, and no object is archived"}
