"""Names that no other test uses."""

import uuid

PREFIX = "pt"  # what a test made can be told apart from what was there


def unique(what: str = "thing") -> str:
    """Return a fresh name, valid as a bucket name and as the name of any other resource."""
    return f"{PREFIX}-{what}-{uuid.uuid4().hex[:10]}"
