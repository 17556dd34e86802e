"""Every operation whose model requires a checksum refuses a body without one, before anything is done with it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from hashlib import md5
from typing import Any

import pytest
from botocore import xform_name

from shim.app import FRONTENDS
from shim.protocol.service import Service
from tests.security.door import Answer, Door
from tests.security.requests import Wire, signed, wire

MODEL = Service("s3").model
REQUIRING = sorted(
    name
    for name in MODEL.operation_names
    if not MODEL.operation_model(name).deprecated
    and (
        (MODEL.operation_model(name).http_checksum or {}).get("requestChecksumRequired")
        or MODEL.operation_model(name).http_checksum_required
    )
)


def serving(name: str) -> tuple[Door, Wire]:
    """Return a gateway that has just this operation, and a request for it without a checksum."""
    service, called = Service("s3"), list[Any]()

    async def act(call: Any, req: Any) -> None:
        called.append(req)

    act.__name__ = xform_name(name)
    shape: Any = MODEL.operation_model(name).input_shape
    service.action(supports=everything(shape.members))(act)
    request = wire(service, name)
    del request.headers["Content-MD5"]
    return Door(frontends={**FRONTENDS, "s3": replace(FRONTENDS["s3"], service=service)}), request


def everything(members: Any, above: str = "") -> list[str]:
    """Return the paths of all members that a request can have."""
    found = []
    for name, shape in members.items():
        path = f"{above}{name}"
        while shape.type_name == "list":
            shape = shape.member
        found += everything(shape.members, f"{path}.") if shape.type_name == "structure" else [path]
    return found


def answer(door: Door, wire: Wire, **headers: str) -> Answer:
    told = {**wire.headers, **{name.replace("_", "-"): text for name, text in headers.items()}}
    sent = signed(replace(wire, headers=told))
    return door.knock(sent.method, sent.url, sent.headers, sent.body)


def test_the_model_has_such_operations() -> None:
    assert {"DeleteObjects", "PutBucketAcl", "PutBucketTagging", "PutObjectRetention"} <= set(REQUIRING)


@pytest.mark.parametrize("name", REQUIRING)
def test_no_body_without_a_checksum(name: str) -> None:
    door, request = serving(name)
    request = request if request.body else replace(request, body=b"<x/>")
    without = answer(door, request)
    assert without.status == 400
    assert b"<Code>InvalidRequest</Code>" in without.body
    assert b"Missing required header for this request: Content-MD5 OR x-amz-checksum-*" in without.body
    wrong = answer(door, request, content_md5=b64encode(md5(b"other").digest()).decode())  # noqa: S324
    assert (wrong.status, b"<Code>BadDigest</Code>" in wrong.body) == (400, True)
    empty = answer(door, request, content_md5="")
    assert (empty.status, b"<Code>InvalidDigest</Code>" in empty.body) == (400, True)
    good = answer(door, request, content_md5=b64encode(md5(request.body).digest()).decode())  # noqa: S324
    assert b"Digest" not in good.body
    assert b"Missing required header" not in good.body
