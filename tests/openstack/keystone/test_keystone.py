"""Access keys and tokens: the requests to Keystone, and the meaning of its answers."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from adapters.errors import BackendError, Fault
from adapters.openstack.config import CloudConfig
from adapters.openstack.keystone.ec2_signing import ec2tokens_body
from adapters.openstack.keystone.keystone import Keystone
from adapters.types.identity import Ec2Credential
from tests.openstack.stage import PROJECT, Handler, Tokens, Wire, answers, error_json, token

NOW = datetime(2026, 11, 23, 12, 30, 59, tzinfo=UTC)
ACCESS, SECRET = "0a727d47b7eb406f9f3f8ac27dbd87e4", "53aa7e46b2b845d3b9d6abb33c08f2c7"
CREDENTIAL = Ec2Credential(ACCESS, SECRET, "u1", PROJECT)


def stored(**changes: Any) -> httpx.Response:
    credential = {
        "id": hashlib.sha256(ACCESS.encode()).hexdigest(),
        "type": "ec2",
        "user_id": "u1",
        "project_id": PROJECT,
        "blob": json.dumps({"access": ACCESS, "secret": SECRET, "trust_id": None}),
    }
    return httpx.Response(200, json={"credential": credential | changes})


def endpoint(url: str, interface: str = "public", region: str = "R1") -> dict[str, str]:
    return {"id": url, "interface": interface, "region": region, "region_id": region, "url": url}


def issued(**changes: Any) -> httpx.Response:
    body = {
        "methods": ["ec2credential"],
        "user": {"id": "u1", "name": "demo", "domain": {"id": "default", "name": "Default"}},
        "project": {"id": PROJECT, "name": "demo", "domain": {"id": "default", "name": "Default"}},
        "roles": [{"id": "r1", "name": "member"}, {"id": "r2", "name": "reader"}],
        "issued_at": "2026-11-23T12:31:00.000000Z",
        "expires_at": "2026-11-23T13:31:00.000000Z",
        "catalog": [
            {
                "type": "compute",
                "name": "nova",
                "id": "1",
                "endpoints": [
                    endpoint("http://nova.internal/v2.1", "internal"),
                    endpoint("http://nova.elsewhere/v2.1", region="R2"),
                    endpoint("http://nova.test/v2.1/"),
                ],
            },
            {"type": "volumev3", "name": "cinder", "id": "2", "endpoints": [endpoint("http://cinder.test/v3")]},
            {"type": "object-store", "name": "swift", "id": "3", "endpoints": [endpoint("http://s.test/v1/AUTH_1")]},
            {"type": "dns", "name": "designate", "id": "4", "endpoints": [endpoint("http://dns.test")]},
        ],
    }
    return httpx.Response(201, json={"token": body | changes}, headers={"X-Subject-Token": "tenant"})


def config(**endpoints: str) -> CloudConfig:
    return CloudConfig("passerelle", "http://keystone.test/v3", "R1", "public", True, None, endpoints, None, None, b"")


class Stage:
    """Keystone's adapter over a scripted transport, with a login for each scope."""

    def __init__(self, handler: Handler, **endpoints: str) -> None:
        self.wire = Wire(handler)
        self.project = Tokens(first=token("project"))
        self.system = Tokens(first=token("system"))
        self.keystone = Keystone(
            self.wire.transport, config(**endpoints), project=self.project, system=self.system, now=lambda: NOW
        )

    def credential(self) -> Ec2Credential | None:
        return asyncio.run(self.keystone.ec2_credential(ACCESS))

    def failure(self) -> BackendError:
        with pytest.raises(BackendError) as caught:
            self.credential()
        return caught.value


def test_a_key_is_read_by_its_hash_with_the_system_token() -> None:
    stage = Stage(answers(stored()))
    assert stage.credential() == CREDENTIAL
    [request] = stage.wire.requests
    assert request.url.path == f"/v3/credentials/{hashlib.sha256(ACCESS.encode()).hexdigest()}"
    assert request.headers["X-Auth-Token"] == "system"
    assert SECRET not in repr(stage.credential())


@pytest.mark.parametrize(
    "answer",
    [
        error_json(404, "Could not find credential"),
        stored(type="totp", blob="JBSWY3DPEHPK3PXP"),
        stored(blob=json.dumps({"access": "another", "secret": SECRET})),
    ],
)
def test_what_is_no_access_key_is_none(answer: httpx.Response) -> None:
    assert Stage(answers(answer)).credential() is None


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (error_json(401), Fault.UNAVAILABLE),  # the gateway's token was refused, not the caller's key
        (error_json(403), Fault.FORBIDDEN),
        (error_json(500), Fault.UNAVAILABLE),
        (stored(blob="{"), Fault.UNAVAILABLE),
        (stored(blob=json.dumps({"access": ACCESS})), Fault.UNAVAILABLE),
        (stored(blob=None), Fault.UNAVAILABLE),
        (httpx.Response(200, json={"credential": []}), Fault.UNAVAILABLE),
        (httpx.Response(200, text="<html>"), Fault.UNAVAILABLE),
    ],
)
def test_what_keystone_cannot_say_is_an_error(
    answer: httpx.Response, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    error = Stage(answers(answer)).failure()
    assert error.fault is fault
    assert SECRET not in f"{error} {error.__cause__} {caplog.text}"


def test_a_role_granted_after_the_login_is_noticed() -> None:
    stage = Stage(lambda r: stored() if r.headers["X-Auth-Token"] == "fresh" else error_json(403))
    stage.system = Tokens("fresh", first=token("system"))
    stage.keystone = Keystone(stage.wire.transport, config(), project=stage.project, system=stage.system)
    assert stage.credential() == CREDENTIAL
    assert stage.system.renewed == ["system"]


def test_the_signed_request_is_one_that_botocore_signs_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    body: Any = ec2tokens_body(CREDENTIAL, NOW)["credentials"]
    request = AWSRequest("GET", "https://passerelle/", headers={"Host": "passerelle"})
    signer = SigV4Auth(Credentials(ACCESS, SECRET), "ec2", "passerelle")
    request.context["timestamp"] = body["headers"]["X-Amz-Date"]
    request.headers["X-Amz-Date"] = body["headers"]["X-Amz-Date"]
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert signer.signature(text, request) == body["signature"]
    assert body["headers"]["X-Amz-Date"] == "20261123T123059Z"
    assert body["headers"]["Authorization"].endswith(f"Signature={body['signature']}")
    assert body["body_hash"] == hashlib.sha256(b"").hexdigest()
    assert SECRET not in json.dumps(body)


def test_a_token_is_got_with_the_project_token_and_read_whole() -> None:
    stage = Stage(answers(issued()), network="http://n.test/%(project_id)s")
    found = asyncio.run(stage.keystone.token(CREDENTIAL))
    assert (found.id, found.user_id, found.user_name) == ("tenant", "u1", "demo")
    assert (found.project_id, found.project_name, found.domain_id) == (PROJECT, "demo", "default")
    assert found.roles == frozenset({"member", "reader"})
    assert found.expires_at == datetime(2026, 11, 23, 13, 31, tzinfo=UTC)
    assert found.catalog == {
        "compute": "http://nova.test/v2.1",
        "block-storage": "http://cinder.test/v3",
        "object-store": "http://s.test/v1/AUTH_1",
        "network": f"http://n.test/{PROJECT}",
    }
    [request] = stage.wire.requests
    assert (request.url.path, request.headers["X-Auth-Token"]) == ("/v3/ec2tokens", "project")
    assert json.loads(request.content) == ec2tokens_body(CREDENTIAL, NOW)
    assert "tenant" not in repr(found)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (error_json(401), Fault.UNAUTHORIZED),
        (error_json(404, "EC2 access key not found."), Fault.UNAUTHORIZED),
        (error_json(403), Fault.FORBIDDEN),
        (error_json(503, "ec2credential auth method is not enabled"), Fault.UNAVAILABLE),
        (httpx.Response(200, json={"token": {}}), Fault.UNAVAILABLE),
        (httpx.Response(200, json={}, headers={"X-Subject-Token": "t"}), Fault.UNAVAILABLE),
    ],
)
def test_no_token_is_an_error_with_its_reason(answer: httpx.Response, fault: Fault) -> None:
    with pytest.raises(BackendError) as caught:
        asyncio.run(Stage(answers(answer)).keystone.token(CREDENTIAL))
    assert caught.value.fault is fault


def test_ready_checks_the_gateways_own_token() -> None:
    stage = Stage(answers(httpx.Response(200)))
    asyncio.run(stage.keystone.ready())
    [request] = stage.wire.requests
    assert (request.method, request.url.path) == ("HEAD", "/v3/auth/tokens")
    assert request.headers["X-Subject-Token"] == "project"


def test_a_keystone_that_is_down_is_not_ready() -> None:
    with pytest.raises(BackendError) as caught:
        asyncio.run(Stage(answers(httpx.ConnectError("refused"))).keystone.ready())
    assert caught.value.fault is Fault.UNAVAILABLE
