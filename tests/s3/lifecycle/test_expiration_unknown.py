"""x-amz-expiration is optional: what was written is answered with success though nothing can be said about it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from adapters.errors import Fault
from adapters.types.objects import Stored
from shim.s3 import names
from shim.s3.lifecycle import expiration
from shim.s3.multipart.complete import complete_multipart_upload
from tests.s3.small_store import WHEN, SmallStore, call_of

LATE = {"lifecycle": "0123456789abcdef"}  # the name of a document's object
ETAG = "0123456789abcdef0123456789abcdef"


class NoReads(SmallStore):
    """A store whose objects cannot be read, nor described once they are written."""

    async def get(self, container: str, name: str, **_: Any) -> Any:
        self._note("get", container, name)

    async def put_manifest(self, container: str, name: str, laid: Any, told: Any) -> Any:
        self.faults = {"get": Fault.UNAVAILABLE, "head": Fault.UNAVAILABLE}
        return await super().put_manifest(container, name, laid, told)


def test_rules_that_cannot_be_read() -> None:
    store = NoReads({"bbb": {}}, faults={"get": Fault.UNAVAILABLE})
    assert asyncio.run(expiration.members(call_of(store, "PutObject", LATE), "bbb", "k", 1, WHEN)) == {}
    assert store.seen[0][0] == "get"


def test_a_completion_whose_object_cannot_be_described() -> None:
    upload_id = names.new_upload_id()
    part = Stored(1, ETAG, WHEN, "a/b")
    kept = {names.marker("k", upload_id): part, names.part("k", upload_id, 1): part}
    store = NoReads({"bbb": {}, "bbb+segments": kept})
    req: Mapping[str, Any] = {
        "Bucket": "bbb",
        "Key": "k",
        "UploadId": upload_id,
        "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": ETAG}]},
    }
    answer = asyncio.run(complete_multipart_upload(call_of(store, "CompleteMultipartUpload", LATE), req))
    assert answer["ETag"].endswith('-1"')
    assert "Expiration" not in answer
    assert store.seen[-1][0] == "head"  # it was asked for
