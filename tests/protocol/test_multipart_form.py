"""Browsers' forms: whatever the pieces they come in, the fields and the file come out."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.filepost import encode_multipart_formdata

from shim.errors import AwsError
from shim.protocol.multipart_form import FormData

LIMIT = 20 << 10

names = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).filter(lambda name: name != "file")
fields = st.dictionaries(names, st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=6)
contents = st.binary(max_size=300) | st.lists(
    st.sampled_from([b"\r\n", b"--", b"\r\n--x", b"\r\n--xyz", b"a", b"\n"]), max_size=30
).map(b"".join)


def form(told: dict[str, str], content: bytes, behind: dict[str, str] | None = None) -> tuple[bytes, str]:
    parts: list[Any] = [*told.items(), ("file", ("a.txt", content)), *(behind or {}).items()]
    return encode_multipart_formdata(parts, boundary="xyz0")


def read(body: bytes, content_type: str, step: int) -> tuple[FormData, bytes]:
    found, pieces = FormData(content_type, LIMIT), io.BytesIO(body)
    content = b"".join(found.feed(piece) for piece in iter(lambda: pieces.read(step), b""))
    found.finish()
    return found, content


@given(fields, contents, fields, st.integers(1, 400))
def test_a_form_comes_in_any_pieces(told: dict[str, str], content: bytes, behind: dict[str, str], step: int) -> None:
    found, got = read(*form(told, content, behind), step)
    assert (found.fields, got, found.filename) == (told, content, "a.txt")


@given(st.binary(max_size=200), st.integers(1, 50))
def test_what_is_no_form_is_refused_in_s3s_words(body: bytes, step: int) -> None:
    with pytest.raises(AwsError) as caught:
        read(body, "multipart/form-data; boundary=xyz0", step)
    assert caught.value.code == "MalformedPOSTRequest"


def test_names_are_compared_in_lower_case() -> None:
    found, _ = read(*encode_multipart_formdata({"KeY": "a", "FILE": ("f", b"x")}), 1000)
    assert (found.fields, found.has_file) == ({"key": "a"}, True)


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=" + "x" * 300])
def test_no_good_boundary(content_type: str) -> None:
    with pytest.raises(AwsError) as caught:
        FormData(content_type, LIMIT)
    assert caught.value.code == "MalformedPOSTRequest"


@pytest.mark.parametrize("cut", [4, 8, 30])
def test_a_form_that_breaks_off(cut: int) -> None:
    body, content_type = form({"key": "a"}, b"content")
    with pytest.raises(AwsError) as caught:
        read(body[:-cut], content_type, 1000)
    assert caught.value.code == "MalformedPOSTRequest"


@pytest.mark.parametrize("files", [0, 2])
def test_one_file_and_no_more(files: int) -> None:
    parts: list[Any] = [("key", "a"), *[("file", (f"{n}.txt", b"x")) for n in range(files)]]
    with pytest.raises(AwsError) as caught:
        read(*encode_multipart_formdata(parts), 1000)
    assert caught.value.code == "IncorrectNumberOfFilesInPostRequest"


def test_only_so_much_comes_in_front_of_the_file() -> None:
    read(*form({"a": "x" * 20_000}, b"y" * 100_000, {"b": "z" * 100_000}), 4096)
    with pytest.raises(AwsError) as caught:
        read(*form({"a": "x" * 20_480}, b""), 4096)
    assert caught.value.code == "MaxPostPreDataLengthExceeded"


def test_what_is_before_the_first_part_is_bounded_too() -> None:
    found = FormData("multipart/form-data; boundary=x", LIMIT)
    with pytest.raises(AwsError) as caught:
        found.feed(b"\r\n" * (2 * LIMIT + 1))
    assert caught.value.code == "MaxPostPreDataLengthExceeded"


def test_a_part_without_a_name() -> None:
    body = b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n"
    with pytest.raises(AwsError) as caught:
        read(body, "multipart/form-data; boundary=x", 1000)
    assert caught.value.code == "MalformedPOSTRequest"


def test_a_field_that_is_no_text() -> None:
    with pytest.raises(AwsError) as caught:
        read(*encode_multipart_formdata([("key", b"\xff"), ("file", ("f", b""))]), 1000)
    assert caught.value.code == "MalformedPOSTRequest"
