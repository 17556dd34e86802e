"""A session's calls: headers, retries, timeouts, and pages."""

import asyncio
import json
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx
import pytest

from adapters.errors import BackendError, Fault
from adapters.openstack.session import Session
from tests.openstack.stage import REQUEST_ID, Tokens, Wire, answers, error_json, token

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T], wire: Wire) -> T:
    async def go() -> T:
        try:
            return await work
        finally:
            await wire.transport.aclose()

    return asyncio.run(go())


def failure(work: Coroutine[Any, Any, object], wire: Wire) -> BackendError:
    with pytest.raises(BackendError) as caught:
        run(work, wire)
    return caught.value


def test_a_call_carries_token_request_id_microversion_and_body() -> None:
    wire = Wire(answers(httpx.Response(202, json={"server": {"id": "1"}})))
    answer = run(
        wire.session().post("compute", "/servers", json={"server": {"name": "é"}}, params={"a": True, "b": ["1", "2"]}),
        wire,
    )
    assert answer.member("server") == {"id": "1"}
    [request] = wire.requests
    assert (request.method, str(request.url)) == ("POST", "http://nova.test/v2.1/servers?a=true&b=1&b=2")
    assert request.headers["X-Auth-Token"] == "first"
    assert request.headers["X-Openstack-Request-Id"] == f"req-{REQUEST_ID}"
    assert request.headers["OpenStack-API-Version"] == "compute 2.95"
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.content) == {"server": {"name": "é"}}


@pytest.mark.parametrize(
    ("service", "newest", "expected"),
    [
        ("compute", (2, 104), "compute 2.95"),
        ("compute", (2, 79), "compute 2.79"),
        ("compute", None, "compute 2.95"),
        ("block-storage", (3, 60), "volume 3.60"),
        ("network", None, None),
        ("image", None, None),
    ],
)
def test_the_microversion_is_the_lesser_of_wanted_and_known(
    service: str, newest: tuple[int, int] | None, expected: str | None
) -> None:
    wire = Wire(answers(httpx.Response(200, json={})), newest={service: newest})
    run(wire.session().get(service, "/x"), wire)
    assert wire.requests[0].headers.get("OpenStack-API-Version") == expected


def test_a_call_may_ask_for_its_own_microversion_content_type_and_bytes() -> None:
    wire = Wire(answers(httpx.Response(200, json={})))

    async def work(session: Session) -> None:
        await session.post("compute", "/os-keypairs", json={}, microversion="2.91")
        await session.patch("image", "/images/1", json=[], headers={"Content-Type": "application/x-patch"})
        await session.put("image", "/images/1/file", content=b"\x00", headers={"Content-Type": "application/x-bytes"})
        assert await session.microversion("compute") == (2, 95)
        assert await session.microversion("network") is None

    run(work(wire.session()), wire)
    assert wire.requests[0].headers["OpenStack-API-Version"] == "compute 2.91"
    assert [r.headers["Content-Type"] for r in wire.requests[1:]] == ["application/x-patch", "application/x-bytes"]
    assert wire.requests[2].content == b"\x00"


def test_a_refused_token_is_renewed_once_and_the_call_repeated() -> None:
    wire = Wire(lambda r: httpx.Response(202) if r.headers["X-Auth-Token"] == "second" else error_json(401))
    tokens = Tokens("second", "third")
    assert run(wire.session(tokens).post("compute", "/servers", json={"a": 1}), wire).status == 202
    assert tokens.renewed == ["first"]
    assert [r.content for r in wire.requests] == [b'{"a":1}'] * 2


def test_a_token_refused_again_is_unauthorized() -> None:
    wire, tokens = Wire(answers(error_json(401))), Tokens("second", "third")
    assert failure(wire.session(tokens).get("compute", "/servers"), wire).fault is Fault.UNAUTHORIZED
    assert (len(wire.requests), tokens.renewed) == (2, ["first"])


def test_a_source_that_keeps_its_token_spares_the_second_call() -> None:
    wire = Wire(answers(error_json(401)))
    assert failure(wire.session(Tokens()).get("compute", "/servers"), wire).fault is Fault.UNAUTHORIZED
    assert len(wire.requests) == 1


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_read_is_repeated_twice(status: int) -> None:
    wire = Wire(answers(error_json(status), error_json(status), httpx.Response(200, json={"servers": []})))
    assert run(wire.session().get("compute", "/servers"), wire).json() == {"servers": []}
    assert len(wire.requests) == 3
    assert wire.observed == [("compute", "GET", status)] * 2 + [("compute", "GET", 200)]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("given", [error_json(503), error_json(429), httpx.ReadError("reset")])
def test_a_change_is_never_sent_twice(method: str, given: httpx.Response | Exception) -> None:
    wire = Wire(answers(given))
    failure(getattr(wire.session(), method)("network", "/ports"), wire)
    assert len(wire.requests) == 1


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_connection_that_was_never_made_is_tried_again(method: str) -> None:
    wire = Wire(answers(httpx.ConnectError("refused"), httpx.ConnectError("refused"), httpx.Response(200, json={})))
    assert run(getattr(wire.session(), method)("network", "/ports"), wire).status == 200
    assert [status for _, _, status in wire.observed] == [0, 0, 200]


def test_a_read_survives_a_connection_that_broke() -> None:
    wire = Wire(answers(httpx.RemoteProtocolError("closed"), httpx.Response(200, json={})))
    assert run(wire.session().get("network", "/ports"), wire).status == 200


def test_a_service_that_is_gone_is_unavailable_soon() -> None:
    wire = Wire(answers(httpx.ConnectError("refused http://10.0.0.7")))
    started = time.monotonic()
    error = failure(wire.session().get("network", "/ports"), wire)
    assert (error.fault, error.service, error.retry_after) == (Fault.UNAVAILABLE, "network", 5)
    assert "10.0.0.7" not in str(error)
    assert len(wire.requests) == 3
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(("told", "sent"), [("0", 3), ("0.01", 3), ("30", 1), ("soon", 1)])
def test_only_a_short_retry_after_is_waited_out(told: str, sent: int) -> None:
    wire = Wire(answers(httpx.Response(503, headers={"Retry-After": told})))
    failure(wire.session().get("network", "/ports"), wire)
    assert len(wire.requests) == sent


async def _slow(_: httpx.Request) -> httpx.Response:
    await asyncio.sleep(30)
    return httpx.Response(200)


def test_no_call_outlives_the_timeout() -> None:
    wire = Wire(_slow, total=0.1)
    started = time.monotonic()
    assert failure(wire.session().get("network", "/ports"), wire).fault is Fault.UNAVAILABLE
    assert time.monotonic() - started < 2


def test_a_cancelled_caller_stays_cancelled() -> None:
    wire = Wire(_slow)

    async def work() -> None:
        task = asyncio.create_task(wire.session().get("network", "/ports"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(work(), wire)
    assert len(wire.requests) == 1


def test_a_service_that_the_catalog_lacks_is_unsupported() -> None:
    wire = Wire(answers(httpx.Response(200)))
    error = failure(wire.session(Tokens(first=token(catalog={}))).get("image", "/images"), wire)
    assert (error.fault, error.service, wire.requests) == (Fault.UNSUPPORTED, "image", [])


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b'{"other": 1}'])
def test_an_answer_that_makes_no_sense_is_unavailable(body: bytes) -> None:
    wire = Wire(answers(httpx.Response(200, content=body, headers={"X-Openstack-Request-Id": "req-9"})))
    error = failure(wire.session().pages("compute", "/servers", "servers"), wire)
    assert (error.fault, error.upstream_id) == (Fault.UNAVAILABLE, "req-9")


def test_a_redirect_is_not_followed_with_a_token() -> None:
    wire = Wire(answers(httpx.Response(302, headers={"Location": "http://elsewhere.test/"})))
    assert failure(wire.session().get("compute", "/servers"), wire).fault is Fault.UNAVAILABLE
    assert {r.url.host for r in wire.requests} == {"nova.test"}


def test_the_error_names_what_was_asked_for() -> None:
    wire = Wire(answers(error_json(404, "Instance 1 could not be found.", **{"X-Compute-Request-Id": "req-4"})))
    error = failure(wire.session().get("compute", "/servers/1", resource="server", id="1"), wire)
    assert (error.fault, error.resource, error.id, error.upstream_id) == (Fault.NOT_FOUND, "server", "1", "req-4")


def pages_of(key: str, link: Any) -> Wire:
    """Three pages of two rows by marker; `link` returns the link to the page after a marker."""

    def answer(request: httpx.Request) -> httpx.Response:
        first = int(request.url.params.get("marker", "0"))
        page: dict[str, Any] = {key: [{"id": str(n)} for n in (first + 1, first + 2)]}
        if first < 4:
            page |= link(f"limit=2&name=a%2Bb&tag=x&tag=y&marker={first + 2}")
        return httpx.Response(200, json=page)

    return Wire(answer)


@pytest.mark.parametrize(
    ("service", "path", "key", "link"),
    [
        (
            "compute",
            "/servers/detail",
            "servers",
            lambda q: {"servers_links": [{"rel": "next", "href": f"http://internal:8774/v2.1/servers/detail?{q}"}]},
        ),
        (
            "network",
            "/ports",
            "ports",
            lambda q: {
                "ports_links": [{"rel": "previous", "href": "http://x/?p"}, {"rel": "next", "href": f"http://x/?{q}"}]
            },
        ),
        ("image", "/images", "images", lambda q: {"next": f"/v2/images?{q}", "first": "/v2/images"}),
    ],
)
def test_pages_are_followed_to_the_end_on_the_catalogs_host(service: str, path: str, key: str, link: Any) -> None:
    wire = pages_of(key, link)
    rows = run(wire.session().pages(service, path, key, {"limit": 2, "name": "a+b", "tag": ["x", "y"]}), wire)
    assert [row["id"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert len({r.url.host for r in wire.requests}) == 1
    assert {(r.url.path, r.url.params["name"], tuple(r.url.params.get_list("tag"))) for r in wire.requests} == {
        (wire.requests[0].url.path, "a+b", ("x", "y"))
    }


def test_pages_that_go_in_circles_end() -> None:
    link = {"servers": [{"id": "1"}], "servers_links": [{"rel": "next", "href": "http://x/?marker=1"}]}
    wire = Wire(answers(httpx.Response(200, json=link)))
    assert failure(wire.session().pages("compute", "/servers", "servers"), wire).fault is Fault.UNAVAILABLE
    assert len(wire.requests) == 2


class Held:
    """A service that delays the first project's answers until it is released."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.there = 0

    async def answer(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        if request.headers["X-Auth-Token"] == "first" and request.url.host != "glance.test":
            self.there += 1
            await self.let_go.wait()
        return httpx.Response(200, json={})


@pytest.mark.parametrize(("service", "most"), [("compute", 4), ("identity", 40)])
def test_a_projects_calls_take_turns_and_others_pass_by(service: str, most: int) -> None:
    """The gateway's own user calls Keystone for all projects, so those calls belong to no project."""
    held = Held()
    wire = Wire(held.answer, each=4)
    other = Tokens(first=token("other", project_id="f" * 32))

    async def scenario() -> int:
        asked = [asyncio.ensure_future(wire.session().get(service, f"/{n}")) for n in range(40)]
        for _ in range(20):
            await wire.session(other).get(service, "/theirs")
        await wire.session().get("image", "/mine")  # another service has its own turns
        there = held.there
        held.let_go.set()
        await asyncio.gather(*asked)
        return there

    assert run(scenario(), wire) == most
    assert held.there == 40
