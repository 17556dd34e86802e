"""S3's pure functions: names, ranges, copy sources, paging."""

from contextlib import nullcontext, suppress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.errors import AwsError
from shim.s3 import names, paging
from shim.s3.objects import ranges
from shim.s3.objects.copying import parse_source

KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60)
BUCKETS = st.from_regex(r"[a-z0-9][a-z0-9.-]{1,20}[a-z0-9]", fullmatch=True)


@given(BUCKETS, KEYS, st.sampled_from(["", "/"]), st.sampled_from(["", "/~"]), st.sampled_from(["", "?versionId=null"]))
def test_a_copy_source_in_any_encoding(bucket: str, key: str, slash: str, safe: str, version: str) -> None:
    found = parse_source(quote(f"{slash}{bucket}/{key}", safe=safe) + version)
    assert found == (bucket, key, "null" if version else "")


@given(st.text(max_size=60))
def test_no_copy_source_surprises(header: str) -> None:
    with suppress(AwsError):
        bucket, key, _ = parse_source(header)
        assert names.is_bucket(bucket)
        assert key


@given(BUCKETS, KEYS)
def test_a_copy_source_as_raw_utf8(bucket: str, key: str) -> None:
    """Some clients encode only characters that would break the header; a header's bytes are read as latin-1."""
    plain = key.replace("%", "%25").replace("?", "%3F").replace("+", "%2B")
    assert parse_source(f"{bucket}/{plain}".encode().decode("latin-1")) == (bucket, key, "")


@pytest.mark.parametrize("header", ["b-b/%FF", "b-b/a%C3", "b-b/%ED%A0%80", "b-b/\xe9"])
def test_a_copy_source_that_is_no_utf8_names_no_other_key(header: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse_source(header)
    assert caught.value.code == "InvalidArgument"


@given(KEYS)
def test_tokens_open_to_what_was_sealed(name: str) -> None:
    assert paging.opened(paging.sealed(name)) == name
    assert paging.sealed(name).isascii()


@pytest.mark.parametrize("token", ["!", "a!b=", "YQ", "YQ==YQ==", "é", "/w==", "_w=="])
def test_what_is_no_token_starts_no_listing_anew(token: str) -> None:
    with pytest.raises(AwsError) as caught:
        paging.opened(token)
    assert caught.value.code == "InvalidArgument"


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 20))
def test_a_range_is_what_python_slices(first: int, last: int, size: int) -> None:
    body = bytes(range(size))
    span = ranges.single(f"bytes={first}-{last}")
    if first > last:
        assert span == ""
        return
    if first >= size:
        with pytest.raises(AwsError, match="InvalidRange"):
            ranges.bounds(span, size)
        return
    start, end = ranges.bounds(span, size)
    assert body[start : end + 1] == body[first : last + 1]


@given(st.integers(1, 30), st.integers(1, 20))
def test_a_range_from_the_end(length: int, size: int) -> None:
    body = bytes(range(size))
    start, end = ranges.bounds(ranges.single(f"bytes=-{length}"), size)
    assert body[start : end + 1] == body[-length:]


HUGE = st.integers(0, 10**40)


@given(HUGE, HUGE, st.integers(1, 20))
def test_positions_of_any_number_of_digits(first: int, last: int, size: int) -> None:
    span = ranges.single(f"bytes={first:050}-{last:030}")
    if first > last:
        assert span == ""
    elif first >= size:
        with pytest.raises(AwsError, match="InvalidRange"):
            ranges.bounds(span, size)
    else:
        assert ranges.bounds(span, size) == (first, min(last, size - 1))


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", "bytes=0-0"), ("Bytes=1-", "bytes=1-"), ("bytes=-007", "bytes=-7"), ("bytes=-000", "bytes=-0"),
        ("bytes=000-", "bytes=0-"), (f"bytes={'9' * 5000}-", f"bytes={'9' * 18}-"), (" bytes=1-2 ", "bytes=1-2"),
        ("bytes=1 -2", ""), ("bytes=+1-2", ""), ("bytes=1-2,", ""), ("bytes=-", ""), ("bytes=2-1", ""),
    ],
)  # fmt: skip
def test_what_a_range_asks_swift_for(header: str, span: str) -> None:
    assert ranges.single(header) == span


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=0-9", "bytes=0-9"), ("bytes=00-09", "bytes=0-9"), ("bytes=10-10", "InvalidRange"),
        (f"bytes={'9' * 5000}-{'9' * 5000}", "InvalidRange"), (f"bytes=0-{'9' * 5000}", "InvalidRange"),
        ("bytes=0-10", "InvalidRange"), ("bytes=2-1", "InvalidArgument"), ("bytes=1-", "InvalidArgument"),
    ],
)  # fmt: skip
def test_the_range_of_a_source(header: str, found: str) -> None:
    if found.startswith("Invalid"):
        with pytest.raises(AwsError, match=found):
            ranges.copied(header, 10)
    else:
        assert ranges.copied(header, 10) == found


@given(st.text(max_size=30))
def test_no_range_surprises(header: str) -> None:
    span = ranges.single(header)
    assert span == "" or span.startswith("bytes=")


@pytest.mark.parametrize(
    ("name", "fine"),
    [
        ("abc", True), ("a.b-c", True), ("0bc", True), ("a" * 63, True), ("1.2.3.four", True),
        ("ab", False), ("a" * 64, False), ("Abc", False), ("a_c", False), ("-bc", False), ("bc-", False),
        ("a..c", False), ("10.0.0.1", False), ("abc+segments", False), ("", False), ("a/b", False),
        ("sthree-x", False), ("x--ol-s3", False),
    ],
)  # fmt: skip
def test_names_for_new_buckets(name: str, fine: bool) -> None:
    with nullcontext() if fine else pytest.raises(AwsError, match="InvalidBucketName"):
        names.check_new_bucket(name)


def test_a_segments_container_is_no_bucket() -> None:
    assert not names.is_bucket(names.segments("abc"))
    assert names.is_bucket("Old_Container")


@pytest.mark.parametrize("upload_id", ["17", "", "a/b", "..", "a b", "x" * 129])
def test_what_cannot_be_an_upload_id(upload_id: str) -> None:
    with pytest.raises(AwsError, match="NoSuchUpload"):
        names.marker("key", upload_id)


@given(st.text(max_size=5))
def test_upload_ids_that_are_made_can_be_used(key: str) -> None:
    upload_id = names.new_upload_id()
    assert names.marker(key, upload_id) == f"{key}/{upload_id}"
    assert names.sub_manifest(key, upload_id, 0).rpartition("/")[2].isdecimal()
    assert int(names.sub_manifest(key, upload_id, 0).rpartition("/")[2]) > names.PARTS
