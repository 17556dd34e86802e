"""Each service's refusals, recorded from real ones, map to the right fault."""

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.errors import Fault
from adapters.openstack import faults

GLANCE_HTML = """<html>
 <head>
  <title>404 Not Found</title>
 </head>
 <body>
  <h1>404 Not Found</h1>
  No image found with ID nope<br /><br />
 </body>
</html>"""


def nova(kind: str, message: str, code: int = 0) -> str:
    return json.dumps({kind: {"code": code, "message": message}})


def neutron(kind: str, message: str = "because") -> str:
    return json.dumps({"NeutronError": {"type": kind, "message": message, "detail": ""}})


TABLE = [
    # Nova
    ("compute", 404, nova("itemNotFound", "Instance nope could not be found."), Fault.NOT_FOUND),
    ("compute", 403, nova("forbidden", "Quota exceeded for instances: Requested 1, but already used 10"), Fault.QUOTA),
    ("compute", 403, nova("forbidden", "Quota exceeded, too many key pairs."), Fault.QUOTA),
    ("compute", 403, nova("forbidden", "Maximum number of metadata items exceeds 128"), Fault.QUOTA),
    ("compute", 403, nova("forbidden", "Policy doesn't allow os_compute_api:x to be performed."), Fault.FORBIDDEN),
    ("compute", 409, nova("conflictingRequest", "Key pair 'k' already exists."), Fault.DUPLICATE),
    (
        "compute",
        409,
        nova("conflictingRequest", "Cannot 'stop' instance 1 while it is in vm_state stopped"),
        Fault.CONFLICT,
    ),
    ("compute", 409, nova("conflictingRequest", "Port 1 is still in use."), Fault.IN_USE),
    (
        "compute",
        400,
        nova(
            "badRequest",
            "Invalid volume: volume '1' status must be 'available' or 'in-use'. Currently in 'creating' status.",
        ),
        Fault.CONFLICT,
    ),
    ("compute", 400, nova("badRequest", "Can not find requested image"), Fault.INVALID),
    ("compute", 400, nova("badRequest", "No valid host was found."), Fault.NO_CAPACITY),
    ("compute", 406, nova("computeFault", "Version 2.200 is not supported by the API."), Fault.UNSUPPORTED),
    ("compute", 500, nova("computeFault", "Unexpected API Error."), Fault.UNAVAILABLE),
    # Neutron
    ("network", 404, neutron("PortNotFound", "Port nope could not be found."), Fault.NOT_FOUND),
    ("network", 409, neutron("SecurityGroupRuleExists"), Fault.DUPLICATE),
    ("network", 409, neutron("SecurityGroupDefaultAlreadyExists"), Fault.DUPLICATE),
    ("network", 409, neutron("IpAddressInUse"), Fault.DUPLICATE),
    ("network", 409, neutron("MacAddressInUse"), Fault.DUPLICATE),
    ("network", 409, neutron("SecurityGroupInUse"), Fault.IN_USE),
    ("network", 409, neutron("NetworkInUse"), Fault.IN_USE),
    ("network", 409, neutron("RouterInterfaceInUseByFloatingIP"), Fault.IN_USE),
    ("network", 409, neutron("ServicePortInUse"), Fault.IN_USE),
    ("network", 409, neutron("OverQuota", "Quota exceeded for resources: ['router']."), Fault.QUOTA),
    ("network", 409, neutron("IpAddressGenerationFailure"), Fault.NO_CAPACITY),
    ("network", 400, neutron("ExternalIpAddressExhausted"), Fault.NO_CAPACITY),
    ("network", 400, neutron("HTTPBadRequest", "Unrecognized attribute(s) 'nam'"), Fault.INVALID),
    ("network", 412, neutron("RevisionNumberConstraintFailed"), Fault.PRECONDITION),
    ("network", 403, neutron("PolicyNotAuthorized", "rule:delete_network is disallowed by policy"), Fault.FORBIDDEN),
    ("network", 409, neutron("NetworkMTUSubnetConflict"), Fault.CONFLICT),
    ("network", 503, neutron("ServiceUnavailable"), Fault.UNAVAILABLE),
    # Cinder
    ("block-storage", 413, nova("overLimit", "VolumeLimitExceeded: Maximum number of volumes allowed"), Fault.QUOTA),
    (
        "block-storage",
        400,
        nova("badRequest", "Invalid volume: Volume status must be available or error and must not be attached."),
        Fault.CONFLICT,
    ),
    ("block-storage", 400, nova("badRequest", "Invalid input for field/attribute size. Value: 0."), Fault.INVALID),
    # Glance
    ("image", 404, GLANCE_HTML, Fault.NOT_FOUND),
    ("image", 404, '{"message": "No image found with ID x<br /><br />\\n", "code": "404 Not Found"}', Fault.NOT_FOUND),
    ("image", 409, "<html><h1>409</h1>Image ID 1 already exists!</html>", Fault.DUPLICATE),
    ("image", 409, "<html><h1>409</h1>Image 1 could not be deleted because it is in use</html>", Fault.IN_USE),
    ("image", 413, "<html><h1>413</h1>Request Entity Too Large</html>", Fault.QUOTA),
    # Keystone
    ("identity", 401, '{"error":{"code":401,"message":"requires authentication","title":"X"}}', Fault.UNAUTHORIZED),
    ("identity", 403, '{"error":{"code":403,"message":"not authorized: identity:get_user."}}', Fault.FORBIDDEN),
    # Proxies in between
    ("compute", 502, "<html><h1>502 Bad Gateway</h1></html>", Fault.UNAVAILABLE),
    ("compute", 504, "", Fault.UNAVAILABLE),
    ("compute", 429, "slow down", Fault.THROTTLED),
    ("compute", 302, "", Fault.UNAVAILABLE),
    ("compute", 418, "", Fault.INVALID),
]


@pytest.mark.parametrize(("service", "status", "body", "fault"), TABLE)
def test_a_refusal_becomes_its_fault(service: str, status: int, body: str, fault: Fault) -> None:
    error = faults.backend_error(service, status, body.encode(), httpx.Headers(), resource="thing", id="1")
    assert error.fault is fault
    assert (error.service, error.status, error.resource, error.id) == (service, status, "thing", "1")


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (nova("itemNotFound", "gone"), "itemNotFound", "gone"),
        (neutron("PortNotFound", "gone"), "PortNotFound", "gone"),
        ('{"error": {"message": "gone"}}', "error", "gone"),
        ('{"errors": [{"status": 404, "title": "Not Found", "detail": "gone"}]}', "errors", "gone"),
        ('{"NeutronError": "gone"}', "", "gone"),
        ('{"message": "gone<br /><br />"}', "", "gone"),
        ('{"code": 404, "title": "Not Found", "description": "gone"}', "", "gone"),
        (GLANCE_HTML, "", "No image found with ID nope"),
        ("gone", "", "gone"),
        ('{"cut": ', "", ""),
        ("", "", ""),
        ("[1]", "", ""),
    ],
)
def test_the_sentence_is_found_in_every_shape(body: str, kind: str, message: str) -> None:
    error_body = faults.read_error_body(body.encode())
    assert (error_body.kind, faults.clean(error_body.message)) == (kind, message)


def test_the_upstream_request_id_and_the_wait_are_kept() -> None:
    headers = httpx.Headers({"X-OpenStack-Request-Id": "req-1", "Retry-After": "17"})
    error = faults.backend_error("compute", 503, b"", headers)
    assert (error.upstream_id, error.retry_after) == ("req-1", 17)
    assert faults.upstream_id(httpx.Headers({"X-Compute-Request-Id": "req-2"})) == "req-2"


@pytest.mark.parametrize(
    ("status", "told", "expected"),
    [(503, None, 5), (429, None, 1), (503, "Wed, 21 Oct 2026 07:28:00 GMT", 5), (404, "9", None), (413, "0", None)],
)
def test_only_what_may_pass_says_when_to_come_back(status: int, told: str | None, expected: int | None) -> None:
    headers = httpx.Headers({} if told is None else {"Retry-After": told})
    assert faults.backend_error("block-storage", status, b"", headers).retry_after == expected


SECRETS = [
    "gAAAAABlY0ZQxGSv0cq2bV9cS1-_ZW3kq9b3nq1dXb7Gf0J2u2mA",
    "token: 0123456789abcdef",
    "'password': 'hunter2'",
    "secret=53aa7e46b2b845d3b9d6abb33c08f2c7",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_survives_in_a_message(secret: str) -> None:
    error = faults.backend_error("compute", 400, nova("badRequest", f"bad value {secret} given").encode(), {})
    value = secret.replace("'", " ").replace("=", " ").split()[-1]
    assert value not in f"{error} {error!r} {error.detail}"
    assert "***" in error.detail


@given(st.integers(100, 599), st.binary(max_size=2000))
def test_any_answer_can_be_read(status: int, body: bytes) -> None:
    error = faults.backend_error("network", status, body, httpx.Headers())
    assert len(error.detail) <= 300
    assert "\n" not in error.detail
    assert (status < 500 or status == 501) or error.fault in (Fault.UNAVAILABLE, Fault.NO_CAPACITY)
