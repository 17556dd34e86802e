"""Objects' descriptions: translation between S3's members, Swift's headers and listings' rows."""

import asyncio
import hashlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.errors import BackendError, Fault
from adapters.openstack.swift import headers as swift_headers
from adapters.openstack.swift.http import path_of
from adapters.types.objects import Description, Stored
from shim.s3 import errors
from shim.s3.encryption import envelope
from shim.s3.multipart.complete import multipart_etag
from shim.s3.objects import checksums, headers

ETAG = "0123456789abcdef0123456789abcdef"
NAMES = st.from_regex(r"[a-z0-9!#$%&'*.^_`|~-]{1,20}", fullmatch=True).filter(
    lambda name: not name.startswith("passerelle-")
)
VALUES = st.text(st.characters(min_codepoint=0x21, codec="utf-8"), max_size=600)


def stored(content_type: str = "a/b", **more: Any) -> Stored:
    return Stored(size=3, etag=ETAG, modified=datetime(2026, 1, 2, tzinfo=UTC), content_type=content_type, **more)


def answered(sent: dict[str, str]) -> dict[str, str]:
    """Return the headers that Swift would answer for an object stored with these, as a connection parses them."""
    kept = {name.lower(): value for name, value in sent.items()}
    return kept | {"content-length": "3", "etag": ETAG, "last-modified": "Fri, 02 Jan 2026 00:00:00 GMT"}


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_metadata_passes_swift_unharmed(metadata: dict[str, str]) -> None:
    sent = swift_headers.written_headers(Description("a/b", metadata, {"expires": "never"}), 256)
    assert all(len(value.encode()) <= 256 for value in sent.values())
    assert not [name for name in sent if "_" in name]  # a WSGI server cannot distinguish it from a dash
    read = swift_headers.stored(answered(sent))
    assert (dict(read.metadata), dict(read.headers)) == (metadata, {"expires": "never"})


def test_only_known_headers_reach_swift() -> None:
    sent = swift_headers.written_headers(Description("a/b", {}, {"x-delete-at": "1", "cache-control": "no-cache"}), 256)
    assert sent == {"Content-Type": "a/b", "cache-control": "no-cache"}


def test_the_metadata_names_of_swifts_own_face() -> None:
    read = swift_headers.stored(answered({"X-Object-Meta-A=5Fb": "1"}))
    assert read.metadata == {"a_b": "1"}


@given(st.sampled_from(["a/b", "text/plain; charset=utf-8", "text/plain;charset=utf-8"]), st.integers(1, 10_000))
def test_a_multipart_etag_hides_in_the_content_type(content_type: str, parts: int) -> None:
    etag = f"{ETAG}-{parts}"
    told = headers.typed(content_type, etag)
    for written in (told, told.replace("; s3", ";s3")):  # listings omit the blank
        assert headers.etag_of(stored(written, layout="static")) == etag
        assert headers.typed(written) == content_type
        assert headers.listed_etag({"content_type": written, "hash": "x", "slo_etag": "y"}) == f'"{etag}"'


PIECES = [*'; \t"=a/_x', "s3_", "s3_sse=", "s3_etag=", "s3_null=", "s3_class=", "1.c.AAAA.BBBB", "1.s.AAAA.BBBB"]


@given(st.text() | st.lists(st.sampled_from([*PIECES, ETAG]), max_size=16).map("".join))
@example("a/b;; s3_sse=x s3_sse=1.c.AAAA.BBBB")
@example(f"a/b; s3_etag;  s3_null=; s3_etag={ETAG}-2")
@example("s3_sse=1.s.AAAA.BBBB")
def test_a_client_cannot_forge_what_the_gateway_writes_into_content_types(told: str) -> None:
    plain = headers.typed(told)
    assert envelope.of(plain) is None
    assert (headers.kept_etag(plain), headers.etag_of(stored(plain))) == ("", ETAG)
    assert headers.listed_etag({"content_type": plain, "hash": ETAG}) == f'"{ETAG}"'
    assert not headers.is_marked_null(plain)
    assert headers.storage_class(plain) == "STANDARD"
    assert headers.with_plain_size(stored(plain)).size == stored().size
    assert headers.listed_sizes([{"content_type": plain, "bytes": 99}]) == [99]
    assert headers.typed(plain) == plain


def test_a_clients_other_parameters_stay() -> None:
    assert headers.typed("a/b; x=1; s3_class=GLACIER;charset=utf-8; y=s3_z") == "a/b; x=1;charset=utf-8; y=s3_z"


def test_etags_of_objects_that_others_made() -> None:
    assert headers.etag_of(stored()) == ETAG
    assert headers.etag_of(stored(layout="static")) == f"{ETAG}-N"
    assert headers.etag_of(stored(layout="dynamic")) == f"{ETAG}-N"
    row = {"content_type": "a/b", "hash": "x", "slo_etag": f'"{ETAG}"'}
    assert headers.listed_etag(row) == f'"{ETAG}-N"'
    assert headers.listed_etag(row | {"s3_etag": f'"{ETAG}-2"'}) == f'"{ETAG}-2"'
    assert headers.listed_etag({"content_type": "a/b", "hash": ETAG}) == f'"{ETAG}"'


@given(st.lists(st.binary(max_size=9), min_size=1, max_size=5))
def test_the_etag_of_parts(bodies: list[bytes]) -> None:
    md5s = [hashlib.md5(body) for body in bodies]  # noqa: S324 - what an ETag is
    whole = hashlib.md5(b"".join(md5.digest() for md5 in md5s)).hexdigest()  # noqa: S324
    assert multipart_etag([md5.hexdigest() for md5 in md5s]) == f"{whole}-{len(bodies)}"


@pytest.mark.parametrize("algorithm", checksums.ALGORITHMS)
def test_a_parts_checksum_stands_in_its_type(algorithm: str) -> None:
    checksum = asyncio.run(checksums.computed(algorithm, b"part"))
    assert checksums.of_part(checksums.part_type(checksum)) == checksum
    assert checksums.of_part(checksums.part_type(checksum).replace("; ", ";")) == checksum
    assert checksums.of(stored(metadata=checksum.stored)) == checksum
    assert checksums.of_part(checksums.part_type(None)) is None


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)


@given(NAMES | st.text("./~a", min_size=1), NAMES | st.text("./~a", min_size=1))
def test_paths_are_exact(container: str, name: str) -> None:
    path = path_of(container, name)
    assert unquote(path) == f"/{container}/{name}"
    assert path.startswith(f"{path_of(container)}/")
    assert "/" not in path_of(container)[1:]
    assert path.isascii()
    assert not {".", ".."} & set(path.split("/"))
    assert not set("?# ") & set(path)


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("resource", ["account", "container", "object"])
def test_every_fault_has_a_sentence(fault: Fault, resource: str) -> None:
    told = errors.translate(BackendError(fault, service="object-store", resource=resource), "GetObject", {"Key": "k"})
    assert told.status in (304, 400, 403, 404, 409, 412, 416, 501, 503)
    assert ("Retry-After" in told.headers) == (told.status == 503)
