"""Every operation of AWS that has no action is refused with AWS's error, and recorded by its name."""

from __future__ import annotations

import pytest

from shim.app import FRONTENDS
from shim.protocol.service import Service
from tests.security.door import Door
from tests.security.requests import code_of, signed, wire

# Of other endpoints (S3 Express, Object Lambda): here their requests are those of ListBuckets and of nothing.
ELSEWHERE = {"ListDirectoryBuckets", "WriteGetObjectResponse"}
REST = [
    pytest.param(frontend.service, name, id=f"{frontend.service.name}:{name}")
    for frontend in FRONTENDS.values()
    for name in sorted(set(frontend.service.model.operation_names) - set(frontend.service.handlers) - ELSEWHERE)
    if not frontend.service.model.operation_model(name).deprecated
]


@pytest.mark.parametrize(("service", "name"), REST)
def test_an_operation_without_an_action_is_refused_by_its_name(service: Service, name: str) -> None:
    door = Door()
    request = signed(wire(service, name))
    answer = door.knock(request.method, request.url, request.headers, request.body)
    (record,) = door.records
    expected = (501, "NotImplemented") if service.name == "s3" else (400, "UnsupportedOperation")
    assert (answer.status, record.code, record.operation) == (*expected, name)
    if request.method != "HEAD":
        assert code_of(answer.body) == record.code
        assert name.encode() in answer.body
    assert not door.touched
