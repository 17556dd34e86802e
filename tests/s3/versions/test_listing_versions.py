"""ListObjectVersions: pages, prefixes, delimiters, encoding; no page depends on where it begins."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest

from tests.conftest import remove_bucket
from tests.s3.client_errors import refused
from tests.s3.versions.history import enable, put
from tests.support.names import unique

KEYS = ("a", "a/1", "a/2", "a/2/x", "b0c", "b0d", "b", "é /+", "~")


@pytest.fixture(scope="module")
def filled(s3: Any) -> Iterator[str]:
    """A bucket whose keys have versions and delete markers between them."""
    bucket = unique("bucket")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a/2", Body=b"null")
    enable(s3, bucket)
    for key in KEYS:
        put(s3, bucket, key, b"1")
        s3.delete_object(Bucket=bucket, Key=key)
        put(s3, bucket, key, b"2")
    s3.delete_object(Bucket=bucket, Key="a")
    yield bucket
    remove_bucket(s3, bucket)


def rows(answer: dict[str, Any]) -> list[tuple[str, str, bool, bool]]:
    """Return key, id, `is latest` and `is a marker` of a page's rows, as they follow each other in time and name."""
    found = [(row["Key"], row["VersionId"], row["IsLatest"], False) for row in answer.get("Versions", ())]
    return found + [(row["Key"], row["VersionId"], row["IsLatest"], True) for row in answer.get("DeleteMarkers", ())]


def whole(s3: Any, bucket: str, **asked: Any) -> list[tuple[str, str, bool, bool]]:
    """Return all rows, read by pages."""
    found, place = [], dict[str, str]()
    while True:
        answer = s3.list_object_versions(Bucket=bucket, **asked, **place)
        page = rows(answer)
        assert len(page) + len(answer.get("CommonPrefixes", ())) <= asked.get("MaxKeys", 1000)
        found += page
        if not answer["IsTruncated"]:
            return found
        place = {"KeyMarker": answer["NextKeyMarker"]}
        if "NextVersionIdMarker" in answer:
            place["VersionIdMarker"] = answer["NextVersionIdMarker"]


def test_each_key_has_one_latest(s3: Any, filled: str) -> None:
    found = rows(s3.list_object_versions(Bucket=filled))
    assert len(found) == 3 * len(KEYS) + 2
    latest = [(key, marker) for key, _, latest, marker in found if latest]
    assert sorted(latest) == sorted([(key, key == "a") for key in KEYS])
    nulls = [(key, latest) for key, version, latest, _ in found if version == "null"]
    assert nulls == [("a/2", False)]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_of_any_size_give_the_same(s3: Any, filled: str, size: int) -> None:
    assert sorted(whole(s3, filled, MaxKeys=size)) == sorted(whole(s3, filled))


def test_a_page_behind_the_null_version(s3: Any, filled: str) -> None:
    found = rows(s3.list_object_versions(Bucket=filled, KeyMarker="a/2", VersionIdMarker="null"))
    assert {key for key, *_ in found} == set(KEYS) - {"a", "a/1", "a/2"}


@pytest.mark.parametrize("size", [1, 2, 1000])
@pytest.mark.parametrize(
    ("prefix", "delimiter", "keys", "prefixes"),
    [
        ("", "/", {"a", "b", "b0c", "b0d", "~"}, {"a/", "é /"}),
        ("a/", "/", {"a/1", "a/2"}, {"a/2/"}),
        ("", "0", set(KEYS) - {"b0c", "b0d"}, {"b0"}),
        ("b", "0c", {"b", "b0d"}, {"b0c"}),
        ("a/2", "", {"a/2", "a/2/x"}, set()),
    ],
)
def test_prefixes_and_delimiters(
    s3: Any, filled: str, prefix: str, delimiter: str, keys: set[str], prefixes: set[str], size: int
) -> None:
    """Swift itself refuses delimiters with digits here."""
    seen, common, place = set[str](), list[str](), dict[str, str]()
    while True:
        answer = s3.list_object_versions(Bucket=filled, Prefix=prefix, Delimiter=delimiter, MaxKeys=size, **place)
        seen |= {key for key, *_ in rows(answer)}
        common += [one["Prefix"] for one in answer.get("CommonPrefixes", ())]
        if not answer["IsTruncated"]:
            break
        place = {"KeyMarker": answer["NextKeyMarker"]}
        if "NextVersionIdMarker" in answer:
            place["VersionIdMarker"] = answer["NextVersionIdMarker"]
    assert seen == keys
    assert sorted(common) == sorted(prefixes)


def test_encoded(s3: Any, filled: str) -> None:
    found = rows(s3.list_object_versions(Bucket=filled, EncodingType="url", Prefix="é"))
    assert {unquote(key) for key, *_ in found} == {"é /+"}


def test_markers_that_are_none(s3: Any, filled: str) -> None:
    with refused("InvalidArgument", 400):
        s3.list_object_versions(Bucket=filled, VersionIdMarker="null")
    with refused("InvalidArgument", 400):
        s3.list_object_versions(Bucket=filled, KeyMarker="a", VersionIdMarker="other")
    with refused("NoSuchBucket", 404):
        s3.list_object_versions(Bucket=f"{filled}-not", MaxKeys=0)
