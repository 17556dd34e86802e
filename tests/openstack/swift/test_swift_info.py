"""What a Swift allows and can do, by its `/info`; and how the gateway works with what it lacks.

The answers are recorded from radosgw 16.2.15.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
import uvloop

from adapters.errors import BackendError, Fault
from adapters.openstack.swift.info import lacking_policies, lacks, limits_of, root_of
from adapters.openstack.swift.pool import SwiftPool
from adapters.openstack.swift.swift import Swift
from adapters.types.identity import Token
from adapters.types.objects import Description, Limits, Listing, Stored
from tests.openstack.scripted import Script, Turn
from tests.openstack.stage import Tokens, token

T = TypeVar("T")

RADOSGW: dict[str, Any] = {
    "bulk_delete": {},
    "container_quotas": {},
    "swift": {
        "max_file_size": 5368709120,
        "container_listing_limit": 10000,
        "version": "16.2.15",
        "policies": [{"default": True, "name": "default-placement"}],
        "max_object_name_size": 1024,
        "strict_cors_mode": True,
        "max_container_name_length": 255,
    },
    "tempurl": {"methods": ["GET", "HEAD", "PUT", "POST", "DELETE"]},
    "slo": {"max_manifest_segments": 1000},
    "account_quotas": {},
    "staticweb": {},
    "tempauth": {"account_acls": True},
}
SWIFT: dict[str, Any] = {
    "swift": {
        "container_listing_limit": 10000,
        "account_listing_limit": 5000,
        "max_header_size": 8192,
        "max_meta_count": 90,
        "max_meta_overall_size": 4096,
        "max_meta_value_length": 256,
        "max_object_name_length": 1024,
    },
    "slo": {"max_manifest_segments": 10000, "min_segment_size": 1},
    "bulk_delete": {"max_deletes_per_request": 10000},
    "object_versioning": {},
}
MD5 = "781e5e245d69b566979b86e28d23f2c7"  # of 0123456789
TIMES = "Last-Modified: Fri, 27 Nov 2026 22:40:22 GMT\r\nX-Timestamp: 1795819222.44655\r\n"


@pytest.mark.parametrize(
    ("endpoint", "root"),
    [
        ("https://swift:8080/v1/AUTH_x", "https://swift:8080"),
        ("https://swift/v1.0/AUTH_x/", "https://swift"),
        ("https://front/object-store/v1/AUTH_x", "https://front/object-store"),
        ("http://rgw:7480/swift/v1", "http://rgw:7480/swift"),
        ("http://rgw:7480/swift/v1/", "http://rgw:7480/swift"),
        ("http://rgw:7480/swift/v1/AUTH_x", "http://rgw:7480/swift"),
        ("http://rgw/v1", "http://rgw"),
    ],
)
def test_info_is_beside_the_version(endpoint: str, root: str) -> None:
    assert root_of(endpoint) == root


def test_what_is_not_shown_is_not_relied_on() -> None:
    assert limits_of(RADOSGW) == Limits(
        bulk_delete=1000,
        if_absent=False,
        copies=False,
        manifests=False,
        policies=frozenset({"default-placement"}),
    )
    assert limits_of(SWIFT) == Limits(segments=10_000, bulk_delete=10_000, versions=True, containers=5000)


@pytest.mark.parametrize("value", ["90", None, 0, -1, [1]])
def test_a_limit_that_is_no_number_is_not_taken(value: Any) -> None:
    info = {**SWIFT, "swift": {**SWIFT["swift"], "max_meta_count": value}}
    assert limits_of(info) == limits_of(SWIFT)


def test_only_manifests_that_may_be_nested_multiply() -> None:
    assert (limits_of(RADOSGW).nested_segments, limits_of(SWIFT).nested_segments) == (1000, 10_000**2)


def test_a_swift_that_fails_is_not_taken_for_a_usual_one() -> None:
    script = Script(answer("", status="502 Bad Gateway"), answer("", status="403 Forbidden"))

    async def twice(swift: Swift) -> Limits:
        with pytest.raises(BackendError) as failed:
            await swift.limits()
        assert failed.value.fault is Fault.UNAVAILABLE
        return await swift.limits()  # which hides it

    assert played(script, twice) == Limits()


# --- one URL for all projects ---


def test_containers_of_two_projects_at_one_url_are_told_apart() -> None:
    script = Script(answer("", CONTAINER, status="204 No Content"), answer("NoSuchBucket", status="404 Not Found"))

    async def look(mine: Swift, other: Swift) -> tuple[bool, bool, bool]:
        return await mine.has_container("c"), await other.has_container("c"), await mine.has_container("c")

    async def run() -> tuple[bool, bool, bool]:
        async with await serving(script) as server:
            pool, place = SwiftPool(5.0), f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/swift/v1"
            try:
                mine = Swift(pool, place, Tokens(), "request", token=of_project("mine"))
                other = Swift(pool, place, Tokens(), "request", mine._cache, token=of_project("other"))
                return await look(mine, other)
            finally:
                await pool.aclose()

    assert uvloop.run(run()) == (True, False, True)


# --- listings ---


def test_a_page_is_read_in_as_many_requests_as_the_limit_asks_for() -> None:
    small = {**SWIFT, "swift": {**SWIFT["swift"], "container_listing_limit": 2}}
    rows = [{"name": "a"}, {"subdir": "b/"}, {"name": "c"}]
    script = Script(answer(small), answer(rows[:2]), answer(rows[2:]))
    assert played(script, lambda swift: swift.objects("c", Listing(delimiter="/", limit=4))) == rows
    assert [asked(head, "marker", "limit") for head in script.heads[1:]] == [("", "2"), ("b%2F", "2")]


def test_a_page_ends_where_its_limit_is_reached() -> None:
    small = {**SWIFT, "swift": {**SWIFT["swift"], "container_listing_limit": 2}}
    script = Script(answer(small), answer([{"name": "a"}, {"name": "b"}]), answer([{"name": "c"}]))
    assert len(played(script, lambda swift: swift.objects("c", Listing(limit=3)))) == 3
    assert [asked(head, "marker", "limit") for head in script.heads[1:]] == [("", "2"), ("b", "1")]


def test_versions_go_on_behind_the_last_one() -> None:
    small = {**SWIFT, "swift": {**SWIFT["swift"], "container_listing_limit": 1}}
    script = Script(answer(small), answer([{"name": "a", "version_id": "7"}]), answer([]))
    assert len(played(script, lambda swift: swift.versions("c", Listing(limit=2)))) == 1
    assert asked(script.heads[2], "marker", "version_marker") == ("a", "7")


def test_the_listing_of_an_account_obeys_its_limit() -> None:
    small = {**SWIFT, "swift": {**SWIFT["swift"], "account_listing_limit": 1}}
    rows = [
        {"name": name, "count": 1, "bytes": 2, "last_modified": "2026-11-27T22:39:17.352780"} for name in ("a", "b")
    ]
    script = Script(answer(small), answer(rows[:1]), answer(rows[1:]))
    found = played(script, lambda swift: swift.containers(limit=2))
    assert [one.name for one in found] == ["a", "b"]
    assert asked(script.heads[2], "marker", "limit") == ("a", "1")


CONTAINER = "X-Timestamp: 1795819157.35278\r\nX-Container-Object-Count: 1\r\nX-Container-Bytes-Used: 2\r\n"


def test_a_container_without_its_time_is_looked_up() -> None:
    rows = [{"name": name, "count": 1, "bytes": 2} for name in ("a", "gone")]
    gone = answer("NoSuchBucket", status="404 Not Found")
    script = Script(answer(rows), answer("", CONTAINER, status="204 No Content"), gone)
    (found,) = played(script, lambda swift: swift.containers())
    assert (found.name, found.modified) == ("a", datetime(2026, 11, 27, 22, 39, 17, 352780, UTC))


def test_the_row_of_a_large_object_is_completed() -> None:
    rows = [
        {"name": "big", "hash": "d41d8cd98f00b204e9800998ecf8427e", "bytes": 193, "content_type": "a/b"},
        {"name": "empty", "hash": "d41d8cd98f00b204e9800998ecf8427e", "bytes": 0},
        {"name": "small", "hash": MD5, "bytes": 10},
    ]
    large = f'{TIMES}X-Static-Large-Object: True\r\nETag: "c27883928699597c895d9d4be9a8e4b8"\r\n'
    script = Script(answer(RADOSGW), answer(rows), answer("", large, length=150))
    big, empty, small = played(script, lambda swift: swift.objects("c", Listing(limit=5)))
    assert (big["bytes"], big["slo_etag"]) == (150, '"c27883928699597c895d9d4be9a8e4b8"')
    assert (empty, small) == (rows[1], rows[2])
    assert script.heads[2].startswith(b"HEAD ")


# --- what it cannot do ---


def test_a_copy_passes_through_the_gateway() -> None:
    script = Script(answer(RADOSGW), answer("234", f"{TIMES}etag: {MD5}\r\n"), stored(b"234"))
    assert played(script, copied).etag == MD5
    read, write = script.heads[1:]
    assert b"Range: bytes=2-4" in read
    assert b"X-Copy-From" not in write
    assert write.startswith(b"PUT /v1/AUTH_x/c/to")


def test_a_copy_of_what_was_replaced_is_refused() -> None:
    script = Script(answer(RADOSGW), answer("234", f"{TIMES}etag: {'0' * 32}\r\n"))
    with pytest.raises(BackendError) as refused:
        played(script, copied)
    assert refused.value.fault is Fault.PRECONDITION


def copied(swift: Swift) -> Awaitable[Any]:
    seen = Stored(10, MD5, datetime(2026, 1, 1, tzinfo=UTC), "a/b")
    return swift.copy(("c", "from"), ("c", "to"), Description("a/b"), seen=seen, span="bytes=2-4")


def test_a_stale_row_stays_where_the_conditions_of_its_removal_are_ignored() -> None:
    script = Script(answer(RADOSGW))
    assert played(script, lambda swift: swift.drop_stale_row("c", "o")) is False
    assert len(script.heads) == 1


def test_a_manifest_that_is_not_shown_is_no_empty_one() -> None:
    script = Script(answer(RADOSGW))
    with pytest.raises(BackendError) as refused:
        played(script, lambda swift: swift.segments("c", "big"))
    assert refused.value.fault is Fault.UNSUPPORTED


def test_metadata_that_the_server_adds_is_not_the_users() -> None:
    large = f"{TIMES}X-Static-Large-Object: True\r\netag: {MD5}\r\nX-Object-Meta-Q: 1\r\n"
    script = Script(answer("", f"{large}X-Object-Meta-Static-Large-Object: True\r\n", length=150))
    found = played(script, lambda swift: swift.head("c", "big"))
    assert (found.layout, found.metadata) == ("static", {"q": "1"})


@pytest.mark.parametrize(
    ("message", "about"),
    [
        ("Object name length of 300 longer than 256", "name"),
        ("Metadata value longer than 128: q", "metadata"),
        ("Metadata name too long: q", "metadata"),
        ("Too many metadata items; max 20", "metadata"),
        ("Total metadata too large; max 512", "metadata"),
        ("Header value too long: q", "metadata"),
        ("If-None-Match only supports *", "object"),
    ],
)
def test_a_refused_length_says_of_what(message: str, about: str) -> None:
    told = Description("a/b")
    with pytest.raises(BackendError) as refused:
        played(
            Script(answer(message, status="400 Bad Request")), lambda swift: swift.replace_description("c", "o", told)
        )
    assert refused.value.resource == about


def test_a_long_value_is_split_as_this_swift_asks() -> None:
    small = {**SWIFT, "swift": {**SWIFT["swift"], "max_meta_value_length": 100}}
    script = Script(answer(small), stored(b""))

    async def write(swift: Swift) -> None:
        await swift.limits()
        await swift.put("c", "o", b"", 0, Description("a/b", {"q": "v" * 250}))

    played(script, write)
    assert [line for line in script.heads[1].splitlines() if b"Meta" in line.title()] == [
        b"x-object-meta-q: " + b"v" * 100,
        b"x-object-meta-q%2B1: " + b"v" * 100,
        b"x-object-meta-q%2B2: " + b"v" * 50,
    ]


# --- the stage ---


def answer(body: Any, headers: str = "", *, status: str = "200 OK", length: int | None = None) -> Turn:
    text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    told = "" if status.startswith("204") else f"Content-Length: {len(text) if length is None else length}\r\n"

    async def turn(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\n{told}{headers}\r\n".encode() + text)

    return turn


def stored(body: bytes) -> Turn:
    async def turn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(len(body)) == body
        await answer("", f"{TIMES}etag: {MD5}\r\n", status="201 Created")(reader, writer)

    return turn


def asked(head: bytes, *names: str) -> tuple[str, ...]:
    query = dict(
        piece.split("=") for piece in head.split(b" ")[1].decode().partition("?")[2].split("&") if "=" in piece
    )
    return tuple(query.get(name, "") for name in names)


def of_project(name: str) -> Token:
    return token(name, project_id=name)


async def serving(script: Script) -> asyncio.Server:
    return await asyncio.start_server(script.serve, "127.0.0.1", 0)


def played(script: Script, work: Callable[[Swift], Awaitable[T]]) -> T:
    async def run() -> T:
        async with await serving(script) as server:
            pool, place = SwiftPool(5.0), f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/AUTH_x"
            try:
                return await work(Swift(pool, place, Tokens(), "request"))
            finally:
                await pool.aclose()

    return uvloop.run(run())


def test_storage_policies_by_all_their_names() -> None:
    told = [{"name": "Gold", "aliases": "Gold, Best", "default": True}, {"name": "cold", "aliases": "cold"}, "nonsense"]
    assert limits_of({"swift": {"policies": told}}).policies == {"gold", "best", "cold"}
    assert limits_of(RADOSGW).policies == {"default-placement"}
    assert (limits_of(SWIFT).policies, lacking_policies(limits_of(SWIFT), ["any"])) == (frozenset(), [])
    lacking = lacks(limits_of(SWIFT | {"swift": {**SWIFT["swift"], "policies": told}}), ["cold", "warm"])
    assert lacking == ["has no storage policy 'warm': storage classes that it is mapped to are refused"]
