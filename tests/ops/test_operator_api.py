"""The operator's JSON API: the coverage, the settings without secrets, the last refusals, and a page about itself."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from shim.app import SERVICES
from shim.cli import main
from shim.config import Settings
from shim.operator.settings import shown
from shim.record import Record
from shim.refusals import Refusals
from tests.support.gateway import Gateway
from tests.support.operator import listener

SECRET = "do-not-show"
URLS = [
    ("redis://:do-not-show@192.0.2.1", "redis://:***@192.0.2.1"),
    ("redis://user:do-not-show@192.0.2.1:6379?db=1", "redis://user:***@192.0.2.1:6379?db=1"),
    ("redis://user:do/not@do-not-show@192.0.2.1", "redis://user:***@192.0.2.1"),
    ("redis://us/er:do-not-show@192.0.2.1", "redis://us/er:***@192.0.2.1"),
    ("redis://user@example.org:do-not-show@192.0.2.1", "redis://user@example.org:***@192.0.2.1"),
    ("redis://192.0.2.1?password=do#do-not-show&db=1", "redis://192.0.2.1?password=***&db=1"),
    ("redis://192.0.2.1?password=do-not-show&db=1", "redis://192.0.2.1?password=***&db=1"),
    ("redis://192.0.2.1?db=1&sentinel_password=do-not-show", "redis://192.0.2.1?db=1&sentinel_password=***"),
    ("etcd3+https://192.0.2.1:2379?ca_cert=/etc/ca.pem", "etcd3+https://192.0.2.1:2379?ca_cert=/etc/ca.pem"),
    ("file:///var/lib/passerelle", "file:///var/lib/passerelle"),
]


def get(app: Any, path: str, status: int = 200) -> httpx.Response:
    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://metrics") as client:
            return await client.get(path)

    answer = asyncio.run(go())
    assert answer.status_code == status, answer.text
    return answer


def refused(refusals: Refusals, account: str, *whats: str) -> None:
    """Let requests of an account be refused for these parameters."""
    for what in whats:
        record = Record(f"id-{what}", 0.0, service="s3", operation="PutObject", account=account)
        record.status, record.code, record.refused, record.reason = 501, "NotImplemented", what, f"{what}: not here"
        refusals.note(record)


def test_actions_are_what_the_command_prints() -> None:
    printed = json.loads(CliRunner().invoke(main, ["actions", "--json"]).output)
    app = listener()
    assert get(app, "/api/actions").json() == printed
    assert len(printed) == sum(len(service.handlers) for service in SERVICES)
    of_sts = ["AssumeRole", "GetAccessKeyInfo", "GetCallerIdentity", "GetSessionToken"]
    assert [row["operation"] for row in get(app, "/api/actions?service=sts").json()] == of_sts


@pytest.mark.parametrize(("url", "told"), URLS)
def test_the_settings_show_no_secret(url: str, told: str) -> None:
    settings = Settings.model_validate({"page_token_key": SECRET, "coordination_url": url, "port": 1})
    answer = get(listener(settings=settings), "/api/config")
    assert SECRET not in answer.text
    rows = {row["name"]: row for row in answer.json()}
    assert rows.keys() == Settings.model_fields.keys()
    assert (rows["port"]["value"], rows["port"]["default"], rows["port"]["variable"]) == (1, False, "PASSERELLE_PORT")
    assert (rows["host"]["value"], rows["host"]["default"]) == ("127.0.0.1", True)
    assert rows["coordination_url"]["value"] == shown(settings)["coordination_url"] == told
    assert rows["page_token_key"]["value"] == "**********"
    assert all(row["description"] for row in rows.values())


def test_refusals_are_told_by_account() -> None:
    refusals = Refusals()
    refused(refusals, "111111111111", "x-amz-acl", "x-amz-tagging")
    refused(refusals, "222222222222", "x-amz-website-redirect-location")
    app = listener(refusals)
    first, second = get(app, "/api/refusals").json()
    assert [first["account"], second["account"]] == ["222222222222", "111111111111"]
    assert [one["what"] for one in second["refusals"]] == ["x-amz-tagging", "x-amz-acl"]
    told = second["refusals"][1]
    assert told.pop("time").endswith("Z")
    assert told == {
        "service": "s3",
        "operation": "PutObject",
        "status": 501,
        "code": "NotImplemented",
        "what": "x-amz-acl",
        "why": "x-amz-acl: not here",
        "request_id": "id-x-amz-acl",
    }
    (only,) = get(app, "/api/refusals?account=222222222222").json()
    assert only == first
    assert get(app, "/api/refusals?limit=1").json() == [first]
    assert get(app, "/api/refusals?account=none").json() == []
    for query in ("limit=0", "limit=1001", "limit=x", f"account={'1' * 65}"):
        get(app, f"/api/refusals?{query}", 422)


@pytest.mark.parametrize("path", ["/api/actions", "/api/config", "/api/refusals", "/metrics", "/docs", "/openapi.json"])
def test_nothing_can_be_changed(path: str) -> None:
    async def go() -> set[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(listener()), base_url="http://metrics") as client:
            return {(await client.request(method, path)).status_code for method in ("POST", "PUT", "PATCH", "DELETE")}

    assert asyncio.run(go()) == {405}


def test_the_document_describes_every_answer() -> None:
    app = listener()
    document = get(app, "/openapi.json").json()
    paths = {"/healthcheck", "/healthcheck/ready", "/metrics", "/api/actions", "/api/config", "/api/refusals"}
    assert document["paths"].keys() == paths
    for path in paths:
        (operation,) = document["paths"][path].values()
        assert operation["summary"]
        assert operation["description"]
    for name in ("Action", "Setting", "RefusedRequest", "AccountRefusals"):
        assert all(one["description"] for one in document["components"]["schemas"][name]["properties"].values())


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_page_loads_nothing(path: str) -> None:
    """A page that a browser shows must not make it connect to any other host."""
    answer = get(listener(), path)
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert re.findall(r"(?:src|href)=\"([^\"]*)\"", answer.text) == ["openapi.json"]
    assert "<script" not in answer.text
    assert "//" not in re.sub(r"</?\w+>", "", answer.text)
    for said in ("GET /api/refusals", "member of RefusedRequest", "parameter", "limit"):
        assert said in answer.text


def test_a_running_gateway_tells_what_it_refused(gateway: Gateway, s3: Any) -> None:
    with pytest.raises(s3.exceptions.ClientError) as caught:
        s3.create_bucket(Bucket="never-made", BucketNamespace="account-regional")
    wanted = gateway.call(caught.value.response)["request_id"]  # the refusal is noted after its answer, as the line is
    groups = httpx.get(f"{gateway.metrics_url}/api/refusals?limit=1000").json()
    (told,) = [one for group in groups for one in group["refusals"] if one["request_id"] == wanted]
    assert (told["operation"], told["status"]) == ("CreateBucket", 501)
    assert re.fullmatch("[0-9]{12}", next(g["account"] for g in groups if told in g["refusals"]))
    config = {row["name"]: row["value"] for row in httpx.get(f"{gateway.metrics_url}/api/config").json()}
    assert (config["cloud"], config["region"]) == ("passerelle", "RegionOne")
    assert httpx.get(f"{gateway.url}/api/config").status_code != 200
