"""Names that no other test uses, and what is inside of ids."""

import uuid

PREFIX = "pt"  # what a test made can be told apart from what was there


def native_uuid(ec2_id: str) -> str:
    """Return OpenStack's UUID in an EC2 id, which has its 32 digits behind the last `-`."""
    return str(uuid.UUID(ec2_id.rpartition("-")[2]))


def unique(what: str = "thing") -> str:
    """Return a fresh name, valid as a bucket name and as the name of any other resource."""
    return f"{PREFIX}-{what}-{uuid.uuid4().hex[:10]}"
