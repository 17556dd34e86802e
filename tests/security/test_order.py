"""The order of a request's steps: which refusal comes first where several are due, and what it costs before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from shim.app import FRONTENDS
from shim.frontend import Frontend
from shim.protocol.service import Service
from tests.security.door import HOST, Answer, Door
from tests.security.requests import Wire, code_of, signed

FORM = {"content-type": "application/x-www-form-urlencoded"}


def form(text: str, service: str = "ec2") -> Wire:
    return Wire(service, "", "POST", f"http://{HOST}/", FORM, text.encode())


def s3(method: str, path: str, headers: Mapping[str, str] | None = None) -> Wire:
    return Wire("s3", "", method, f"http://{HOST}{path}", dict(headers or {}))


def knock(door: Door, wire: Wire) -> Answer:
    return door.knock(wire.method, wire.url, wire.headers, wire.body)


WRONG = [
    form("Action=MakeCoffee&Version=2016-11-15"),
    form("Action=DescribeSpotFleetRequests&Version=2016-11-15"),
    form("Action=DescribeVolumes&Version=2016-11-15&MaxResults=many"),
    form("Version=2016-11-15"),
    form("Action=GetFederationToken&Version=2011-06-15", "sts"),
    s3("GET", "/bucket/key?torrent"),
    s3("PUT", "/bucket/key?coffee"),
    s3("POST", "/"),
]


@pytest.mark.parametrize("wire", WRONG, ids=lambda wire: f"{wire.service} {wire.url[21:]} {wire.body.decode()[:30]}")
def test_a_signature_that_does_not_hold_comes_before_all_else(wire: Wire) -> None:
    assert code_of(knock(Door(), signed(wire, secret="guess")).body) in ("SignatureDoesNotMatch", "AuthFailure")
    unsigned = Door()
    assert code_of(knock(unsigned, wire).body) in ("AccessDenied", "MissingAuthenticationToken")
    assert not unsigned.received
    assert code_of(knock(Door(), signed(wire)).body) in (
        "InvalidAction", "UnsupportedOperation", "InvalidParameterValue", "MissingAction", "NotImplemented",
        "MethodNotAllowed",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["%41ction", "Actio%6e", "Action"])
def test_a_form_may_encode_the_name_of_its_operation(name: str) -> None:
    door = Door()
    assert knock(door, signed(form(f"Version=2016-11-15&{name}=DescribeRegion%73"))).status == 200
    assert door.records[-1].operation == "DescribeRegions"


def test_a_form_that_names_two_operations_is_refused() -> None:
    answer = knock(Door(), signed(form("Action=DescribeRegions&%41ction=RunInstances&Version=2016-11-15")))
    assert (answer.status, code_of(answer.body)) == (400, "InvalidParameterValue")


def test_the_record_of_a_refused_signature_names_the_operation() -> None:
    door = Door()
    knock(door, signed(form("Action=DescribeRegions&Version=2016-11-15"), secret="guess"))
    assert (door.records[-1].operation, door.records[-1].account) == ("DescribeRegions", "")


@pytest.mark.parametrize(
    ("path", "headers", "code", "kind"),
    [
        ("/b", {"origin": "https://a", "access-control-request-method": "PUT"}, "AccessForbidden", "BUCKET"),
        ("/b/k", {"origin": "https://a", "access-control-request-method": "PUT"}, "AccessForbidden", "BUCKET"),
        ("/b/k", {"origin": "https://a"}, "AccessForbidden", "BUCKET"),
        ("/b/k", {}, "BadRequest", ""),
    ],
)
def test_a_preflight_is_answered_unsigned(path: str, headers: dict[str, str], code: str, kind: str) -> None:
    """A browser signs no preflight, so S3 answers it as it is."""
    door = Door()
    answer = knock(door, s3("OPTIONS", path, headers))
    assert (answer.status, code_of(answer.body)) == (403 if kind else 400, code)
    assert kind.encode() in answer.body
    assert not door.touched


def opened() -> Door:
    """A gateway whose STS has one operation that is open to anyone, and one that is not."""
    sts = Service("sts")

    @sts.action(supports="RoleArn RoleSessionName WebIdentityToken", anonymous=True)
    async def assume_role_with_web_identity(call: Any, req: Mapping[str, Any]) -> Mapping[str, Any]:
        if req["RoleSessionName"] == "cloud":
            await call.cloud.compute.servers()
        return {"Provider": f"{req['RoleSessionName']} {call.caller.account_id}|"}

    @sts.action()
    async def get_caller_identity(call: Any, req: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"Account": call.caller.account_id}

    frontend: Frontend = replace(FRONTENDS["sts"], service=sts)
    return Door(frontends={**FRONTENDS, "sts": frontend})


ASSUME = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": "a" * 20, "RoleSessionName": "me"}


def assume(**more: str) -> Wire:
    query = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
    wire = form(urlencode({**ASSUME, "WebIdentityToken": "token", **more}), "sts")
    return replace(wire, url=f"{wire.url}?{query}")  # what tells the service where there is no signature


def test_an_operation_that_is_open_to_anyone_needs_no_signature() -> None:
    answer = knock(opened(), assume())
    assert (answer.status, b"<Provider>me |</Provider>" in answer.body) == (200, True)


def test_it_does_need_a_good_one_where_there_is_one() -> None:
    assert code_of(knock(opened(), signed(assume(), secret="guess")).body) == "SignatureDoesNotMatch"


def test_beside_it_all_else_needs_one() -> None:
    wire = replace(form("Action=GetCallerIdentity&Version=2011-06-15", "sts"))
    wire = replace(wire, url=f"{wire.url}?Action=GetCallerIdentity&Version=2011-06-15")
    assert code_of(knock(opened(), wire).body) == "MissingAuthenticationToken"


def test_a_stranger_reaches_no_cloud() -> None:
    door = opened()
    answer = knock(door, assume(RoleSessionName="cloud"))
    assert answer.status == 403
    assert not door.touched


def test_a_form_that_nobody_signed_is_short() -> None:
    answer = knock(opened(), assume(WebIdentityToken="t" * 70_000))
    assert (answer.status, code_of(answer.body)) == (413, "RequestEntityTooLarge")


def test_a_form_is_decoded_only_when_its_signature_holds() -> None:
    """The same form is too large for whoever signed it, and not even looked into for whoever did not."""
    wire = form("Action=DescribeRegions&Version=2016-11-15" + "&%41=1" * 10_000)
    assert code_of(knock(Door(), signed(wire, secret="guess")).body) == "AuthFailure"
    answer = knock(Door(), signed(wire))
    assert (answer.status, code_of(answer.body)) == (413, "RequestEntityTooLarge")


def test_a_large_form_that_is_good_is_taken() -> None:
    """It is decoded and parsed beside the event loop."""
    door = Door()
    text = "Action=DescribeRegions&Version=2016-11-15" + "".join(f"&RegionName.{n}=RegionOne" for n in range(1, 2000))
    assert knock(door, signed(form(text))).status == 200
