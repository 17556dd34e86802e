"""Health answers: in oslo.middleware's formats, 503 while draining, with few calls to the cloud."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from adapters.errors import BackendError, Fault
from shim.health import Lifecycle, Readiness, preferred_format
from tests.support.operator import listener


async def fine() -> None:
    """A cloud that can be used."""


async def broken() -> None:
    raise BackendError(Fault.UNAVAILABLE, service="identity", detail="connection refused by 10.0.0.7")


def ask(
    path: str,
    *,
    state: Lifecycle | None = None,
    ready: Callable[[], Awaitable[None]] = fine,
    method: str = "GET",
    accept: str = "*/*",
) -> httpx.Response:
    async def go() -> httpx.Response:
        app = listener(lifecycle=state or Lifecycle(), ready=ready)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
            return await client.request(method, path, headers={"Accept": accept})

    return asyncio.run(go())


def test_healthy_is_ok_in_plain_text() -> None:
    answer = ask("/healthcheck", ready=broken)  # liveness asks no other service
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, "OK", "text/plain; charset=utf-8")


def test_head_has_no_body() -> None:
    assert ask("/healthcheck", method="HEAD").status_code == 204
    assert ask("/healthcheck", method="HEAD", state=Lifecycle(draining=True)).status_code == 503


def test_json_and_html_by_accept() -> None:
    assert ask("/healthcheck", accept="application/json").json() == {"detailed": False, "reasons": ["OK"]}
    assert "<p>OK</p>" in ask("/healthcheck", accept="text/html").text


def test_disabled_by_file(tmp_path: Path) -> None:
    state = Lifecycle(disable_file=tmp_path / "disabled")
    assert ask("/healthcheck", state=state).status_code == 200
    (tmp_path / "disabled").touch()
    answer = ask("/healthcheck", state=state)
    assert (answer.status_code, answer.text) == (503, "DISABLED BY FILE")


@pytest.mark.parametrize("path", ["/healthcheck", "/healthcheck/ready"])
def test_draining_is_503(path: str) -> None:
    answer = ask(path, state=Lifecycle(draining=True))
    assert (answer.status_code, answer.text) == (503, "DRAINING")


def test_readiness_names_the_service_and_nothing_more() -> None:
    answer = ask("/healthcheck/ready", ready=broken, accept="application/json")
    assert (answer.status_code, json.loads(answer.text)["reasons"]) == (503, ["IDENTITY: UNAVAILABLE"])
    assert ask("/healthcheck/ready").text == "OK"


def test_readiness_asks_the_cloud_once_for_many() -> None:
    asked = 0
    now = 0.0

    async def slow() -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)

    async def go() -> None:
        nonlocal now
        readiness = Readiness(slow, clock=lambda: now)
        assert set(await asyncio.gather(*(readiness.reason() for _ in range(50)))) == {"OK"}
        assert asked == 1
        now = 2.5
        await readiness.reason()
        assert asked == 2

    asyncio.run(go())


def test_metrics_in_both_of_prometheus_formats() -> None:
    assert "# TYPE passerelle_requests_in_flight gauge" in ask("/metrics").text
    assert ask("/metrics", accept="application/openmetrics-text; version=1.0.0").text.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("image/png", "text/plain"),
        ("application/json", "application/json"),
        ("text/html;q=0.5, application/json;q=0.9", "application/json"),
        ("text/html, application/json;q=0.9", "text/html"),
        ("application/json;q=nonsense", "text/plain"),
    ],
)
def test_the_form_a_client_likes_best(accept: str, kind: str) -> None:
    assert preferred_format(accept) == kind
