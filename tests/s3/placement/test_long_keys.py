"""Keys that S3 takes, and that leave no room for the name of a segment."""

import asyncio

import pytest

from adapters.types.objects import Stored
from shim.s3.objects.objects import put_object
from tests.s3.placement.small_swift import SmallSwift, body_of, mapped


@pytest.mark.parametrize(("length", "elsewhere"), [(900, True), (1024 - 55, False), (1024, False)])
def test_such_an_object_lies_in_the_bucket(length: int, elsewhere: bool) -> None:
    store, key = SmallSwift(), "k" * length
    req = {"Bucket": "bbb", "Key": key, "StorageClass": "STANDARD_IA", "Body": body_of(b"bytes")}
    answer = asyncio.run(put_object(mapped(store), req))
    stored: Stored = store.held["bbb"][key]
    assert (bool(store.cold), stored.layout == "static") == (elsewhere, elsewhere)
    assert (stored.size, stored.content_type[:38]) == (5, "binary/octet-stream; s3_class=STANDARD")
    assert answer["ETag"] == '"4b3a6218bb3e3a7303e8a171a60fcf92"'
    assert all(len(name) <= 1024 for names in store.held.values() for name in names)
