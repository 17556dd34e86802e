"""The object that a request names, described once for all that decides on the request: its tags and its ACL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from adapters.errors import absent_is
from adapters.types.objects import Stored
from shim.authz.keys import EXISTING_TAG
from shim.authz.patterns import Context
from shim.context import Call
from shim.errors import AwsError
from shim.s3 import tags
from shim.s3.access.questions import Question, of_version
from shim.s3.objects import records, versions
from shim.s3.objects.headers import TAGGING

# The actions whose conditions see the tags that the object has.  "When granting permissions for the PUT Object and
# DELETE Object operations, this condition key is not supported" (S3 User Guide, tagging and access control policies).
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
_ON_OBJECTS: Final = (
    *("s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectAttributes", "s3:GetObjectTagging"),
    *("s3:PutObjectAcl", "s3:PutObjectTagging", "s3:DeleteObjectTagging"),
)
_SEE_TAGS: Final = frozenset(of_version(action, version) for action in _ON_OBJECTS for version in ("", "null"))


class ObjectRead:
    """An object, or the version of it that a request asks for; it is read when it is first needed, and only once."""

    def __init__(self, call: Call, bucket: str, key: str, version: str | None) -> None:
        self.bucket, self.key = bucket, key
        self._call = call
        self._version = version
        self._found: Stored | None = None
        self._read = False

    async def stored(self) -> Stored | None:
        """Return how Swift describes it; None if there is none, or no such version, or if that is a delete marker."""
        if not self._read:
            self._found = await self._look()
            self._read = True
        return self._found

    async def _look(self) -> Stored | None:
        try:
            version = versions.asked({"VersionId": self._version})
            return await absent_is(None, records.head(self._call, self.bucket, self.key, version=version))
        except AwsError as error:
            if error.status >= 500:
                raise
            return None

    async def tags(self) -> Mapping[str, str] | None:
        """Return the tags that it has; None if they cannot be known, as its record cannot be read."""
        try:
            stored = await self.stored()
        except AwsError:
            return None
        return tags.of_stored(stored.metadata.get(TAGGING, "")) if stored else {}

    async def conditions(self, asked: Iterable[str], wanted: Iterable[Question]) -> Context:
        """Return the condition keys that tell of it: its version, and its tags.

        The tags are read if a policy looks at them (`asked`) for the actions that are wanted.
        """
        found: dict[str, tuple[str, ...] | None] = {}
        if self._version is not None:
            found["s3:versionid"] = (self._version,)
        named = [key for key in asked if key.startswith(EXISTING_TAG)]
        if not named or not any(question.action in _SEE_TAGS for question in wanted):
            return found
        has = await self.tags()
        if has is None:
            return found | dict.fromkeys(named)
        return found | {f"{EXISTING_TAG}{name}": (value,) for name, value in has.items()}
