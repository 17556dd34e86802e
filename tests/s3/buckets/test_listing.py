"""Listings in both versions: order, prefixes, delimiters, pages, encoding."""

from typing import Any

import pytest

from shim.protocol.xml.read import parse
from tests.s3.client_errors import refused
from tests.support.wire import get

KEYS = ["a", "a/1", "a/2", "a/b/1", "a-", "b", "c::1", "c::2", "d e", "é/1", "z"]


@pytest.fixture
def filled(s3: Any, bucket: str) -> str:
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return bucket


def shape(page: dict[str, Any]) -> list[str]:
    keys = [one["Key"] for one in page.get("Contents", ())]
    return keys + [one["Prefix"] for one in page.get("CommonPrefixes", ())]


@pytest.mark.parametrize(
    ("asked", "keys", "prefixes"),
    [
        ({}, sorted(KEYS, key=str.encode), []),
        ({"Prefix": "a/"}, ["a/1", "a/2", "a/b/1"], []),
        ({"Prefix": "a/", "Delimiter": "/"}, ["a/1", "a/2"], ["a/b/"]),
        ({"Delimiter": "/"}, ["a", "a-", "b", "c::1", "c::2", "d e", "z"], ["a/", "é/"]),
        ({"Delimiter": "::", "Prefix": "c"}, [], ["c::"]),
        ({"Prefix": "nothing"}, [], []),
        ({"Delimiter": ""}, sorted(KEYS, key=str.encode), []),
    ],
)
def test_both_versions(s3: Any, filled: str, asked: dict[str, str], keys: list[str], prefixes: list[str]) -> None:
    for answer in (s3.list_objects(Bucket=filled, **asked), s3.list_objects_v2(Bucket=filled, **asked)):
        assert [one["Key"] for one in answer.get("Contents", ())] == keys
        assert [one["Prefix"] for one in answer.get("CommonPrefixes", ())] == prefixes
        assert answer["IsTruncated"] is False
        assert (answer["Name"], answer["Prefix"], answer["MaxKeys"]) == (filled, asked.get("Prefix", ""), 1000)


def test_a_row(s3: Any, filled: str) -> None:
    row = s3.list_objects(Bucket=filled, Prefix="a/1")["Contents"][0]
    head = s3.head_object(Bucket=filled, Key="a/1")
    assert (row["ETag"], row["Size"], row["LastModified"]) == (head["ETag"], 3, head["LastModified"])
    assert row["StorageClass"] == "STANDARD"
    assert set(row["Owner"]) == {"ID", "DisplayName"}
    assert "Owner" not in s3.list_objects_v2(Bucket=filled, Prefix="a/1")["Contents"][0]
    assert s3.list_objects_v2(Bucket=filled, FetchOwner=True)["Contents"][0]["Owner"] == row["Owner"]


@pytest.mark.parametrize("size", [1, 2, 3, 10, 11])
@pytest.mark.parametrize("delimiter", ["", "/"])
@pytest.mark.parametrize("version", ["list_objects", "list_objects_v2"])
def test_pages_join_to_the_whole(s3: Any, filled: str, size: int, delimiter: str, version: str) -> None:
    whole = shape(getattr(s3, version)(Bucket=filled, Delimiter=delimiter))
    pages = list(
        s3.get_paginator(version).paginate(Bucket=filled, Delimiter=delimiter, PaginationConfig={"PageSize": size})
    )
    assert sorted(name for page in pages for name in shape(page)) == sorted(whole)
    assert all(len(shape(page)) == size for page in pages[:-1])


def test_markers_are_exclusive(s3: Any, filled: str) -> None:
    assert shape(s3.list_objects(Bucket=filled, Marker="d e")) == ["z", "é/1"]
    assert shape(s3.list_objects_v2(Bucket=filled, StartAfter="d e")) == ["z", "é/1"]
    assert s3.list_objects_v2(Bucket=filled, StartAfter="d e")["StartAfter"] == "d e"


def test_no_keys_at_all(s3: Any, filled: str, bucket: str) -> None:
    answer = s3.list_objects_v2(Bucket=filled, MaxKeys=0)
    assert (answer["KeyCount"], answer["IsTruncated"], shape(answer)) == (0, False, [])
    with refused("NoSuchBucket", 404):
        s3.list_objects_v2(Bucket=f"{bucket}-not", MaxKeys=0)


def test_bad_arguments(s3: Any, bucket: str) -> None:
    with refused("InvalidArgument", 400):
        s3.list_objects_v2(Bucket=bucket, ContinuationToken="no such token")
    with refused("InvalidArgument", 400):
        s3.list_objects(Bucket=bucket, MaxKeys=-1)
    with refused("InvalidArgument", 400):
        s3.list_object_versions(Bucket=bucket, VersionIdMarker="x")


def test_versions_of_an_unversioned_bucket(s3: Any, filled: str) -> None:
    pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=filled, PaginationConfig={"PageSize": 4}))
    rows = [row for page in pages for row in page["Versions"]]
    assert [row["Key"] for row in rows] == sorted(KEYS, key=str.encode)
    assert {(row["VersionId"], row["IsLatest"]) for row in rows} == {("null", True)}
    gone = s3.delete_objects(
        Bucket=filled, Delete={"Objects": [{"Key": row["Key"], "VersionId": row["VersionId"]} for row in rows]}
    )
    assert len(gone["Deleted"]) == len(KEYS)


def test_a_thousand_and_one(s3: Any, bucket: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: s3.put_object(Bucket=bucket, Key=f"{n:04}", Body=b""), range(1001)))
    first = s3.list_objects_v2(Bucket=bucket, MaxKeys=5000)
    assert (first["KeyCount"], first["IsTruncated"], first["MaxKeys"]) == (1000, True, 1000)
    rest = s3.list_objects_v2(Bucket=bucket, ContinuationToken=first["NextContinuationToken"])
    assert shape(rest) == ["1000"]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": one} for one in shape(first)], "Quiet": True})
    assert "Errors" not in answer
    assert "Deleted" not in answer
    assert shape(s3.list_objects_v2(Bucket=bucket)) == ["1000"]


PAGE = {"Delimiter": "/", "MaxKeys": 3, "EncodingType": "url"}
BEFORE, BEHIND = ["Name", "Prefix"], ["MaxKeys", "Delimiter", "EncodingType", "IsTruncated"]


@pytest.mark.parametrize(
    ("operation", "asked", "between", "row"),
    [
        ("list_objects", {"Marker": "A"}, ["Marker", "NextMarker"], "Contents"),
        ("list_objects_v2", {"StartAfter": "A"}, ["StartAfter", "NextContinuationToken", "KeyCount"], "Contents"),
        (
            "list_object_versions",
            {"KeyMarker": "A"},
            ["KeyMarker", "VersionIdMarker", "NextKeyMarker"],  # the page ends with a common prefix, without a version
            "Version",
        ),
    ],
)
def test_members_stand_in_the_order_of_the_examples(
    s3: Any, filled: str, operation: str, asked: dict[str, str], between: list[str], row: str
) -> None:
    """A client that parses the answer as a stream knows all other members before the first row."""
    url = s3.generate_presigned_url(operation, {"Bucket": filled, **PAGE, **asked})
    assert list(dict.fromkeys(one.tag for one in parse(get(url)[2]).children)) == [
        *BEFORE,
        *between,
        *BEHIND,
        row,
        "CommonPrefixes",
    ]


@pytest.mark.parametrize(
    "operation", ["list_objects", "list_objects_v2", "list_object_versions", "list_multipart_uploads"]
)
def test_a_prefix_that_no_key_can_have(s3: Any, bucket: str, operation: str) -> None:
    ask = getattr(s3, operation)
    assert ask(Bucket=bucket, Prefix="é" * 512)["IsTruncated"] is False
    with refused("KeyTooLongError", 400) as seen:
        ask(Bucket=bucket, Prefix="é" * 512 + "k")
    assert (seen["Size"], seen["MaxSizeAllowed"]) == ("1025", "1024")


@pytest.mark.parametrize(
    ("operation", "marker"),
    [("list_objects", "Marker"), ("list_objects_v2", "StartAfter"), ("list_object_versions", "KeyMarker")],
)
@pytest.mark.parametrize(
    ("after", "asked", "shown"),
    [
        ("a/1", {"Delimiter": "/"}, ["b", "c::1", "c::2", "d e", "z", "é/"]),  # `a/` stands before `a/1`
        ("a", {"Delimiter": "/"}, ["a-", "b", "c::1", "c::2", "d e", "z", "a/", "é/"]),
        ("a/1", {"Delimiter": "/", "Prefix": "a/"}, ["a/2", "a/b/"]),
        ("a/b/0", {"Delimiter": "/", "Prefix": "a/"}, []),
        ("c::1", {"Delimiter": "::"}, ["d e", "z", "é/1"]),
        ("zz/z", {"Delimiter": "/"}, ["é/"]),
    ],
)
def test_a_common_prefix_that_the_marker_lies_in(
    s3: Any, filled: str, operation: str, marker: str, after: str, asked: dict[str, str], shown: list[str]
) -> None:
    """It "is filtered out from results if it is not lexicographically greater than the key-marker"."""
    page = getattr(s3, operation)(Bucket=filled, **{marker: after}, **asked)
    assert shape({"Contents": page.get("Versions", ()), **page}) == shown
