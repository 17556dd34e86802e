"""Containers of a storage policy that are gone though the gateway remembers them, or that it has to find."""

import asyncio
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from shim.s3.multipart.multipart import create_multipart_upload, upload_part
from shim.s3.objects import segments
from shim.s3.objects.deleting import delete_object
from shim.s3.objects.objects import put_object
from tests.s3.placement.small_swift import COLD, SmallSwift, body_of, mapped

KEY = {"Bucket": "bbb", "Key": "k"}


class Remembering(SmallSwift):
    """A store whose presence of containers is remembered for longer than it holds."""

    async def has_container(self, name: str) -> bool:
        return True


def begun(store: SmallSwift) -> str:
    answer = asyncio.run(create_multipart_upload(mapped(store), {**KEY, "StorageClass": "STANDARD_IA"}))
    return str(answer["UploadId"])


def test_an_upload_makes_what_was_lost_with_an_older_bucket() -> None:
    store = Remembering()
    del store.held["bbb+segments"], store.held[COLD]
    upload_id = begun(store)
    assert upload_id.endswith("_cold")
    assert set(store.held) == {"bbb", "bbb+segments", COLD}
    assert list(store.held["bbb+segments"]) == [f"k/{upload_id}"]


def test_a_part_makes_its_container_for_the_next_attempt() -> None:
    store = SmallSwift()
    part: dict[str, Any] = {**KEY, "UploadId": begun(store), "PartNumber": 1}
    del store.held[COLD]
    for lost in (True, False):
        request = upload_part(mapped(store), {**part, "Body": body_of(b"bytes")})
        if lost:
            with pytest.raises(BackendError) as refused:
                asyncio.run(request)
            assert refused.value.fault is Fault.UNAVAILABLE
        else:
            asyncio.run(request)
    assert store.cold == [f"k/{part['UploadId']}/1"]


def test_a_part_of_no_upload_makes_nothing() -> None:
    store = SmallSwift()
    part: dict[str, Any] = {**KEY, "UploadId": begun(store), "PartNumber": 1}
    del store.held[COLD], store.held["bbb+segments"][f"k/{part['UploadId']}"]
    with pytest.raises(Exception, match="NoSuchUpload"):
        asyncio.run(upload_part(mapped(store), {**part, "Body": body_of(b"bytes")}))
    assert COLD not in store.held


@pytest.mark.parametrize("home", [True, False], ids=["all there", "without the bucket's own"])
def test_segments_are_found_without_the_bucket_s_own_container(home: bool) -> None:
    """An operator may delete `+segments` while it is empty."""
    store = SmallSwift()
    asyncio.run(put_object(mapped(store), {**KEY, "StorageClass": "STANDARD_IA", "Body": body_of(b"bytes")}))
    assert len(store.cold) == 1
    if not home:
        del store.held["bbb+segments"]
    assert asyncio.run(segments.candidates(mapped(store), "bbb", ["k", "l"])) == {"k"}
    asyncio.run(delete_object(mapped(store, "DeleteObject"), dict(KEY)))
    assert store.cold == []


def test_the_bucket_s_own_container_is_made_again() -> None:
    store = SmallSwift()
    del store.held["bbb+segments"]
    asyncio.run(put_object(mapped(store), {**KEY, "StorageClass": "STANDARD_IA", "Body": body_of(b"bytes")}))
    assert "bbb+segments" in store.held
