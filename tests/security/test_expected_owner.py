"""For every operation of S3: a request that names another owner of its bucket than the right one changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shim.app import FRONTENDS
from shim.auth.accounts import account_id
from tests.security.door import Door
from tests.security.requests import Wire, code_of, signed, wire

S3 = FRONTENDS["s3"].service
MEMBERS = ("ExpectedBucketOwner", "ExpectedSourceBucketOwner")
READS = frozenset(("objects.head", "objects.get", "objects.objects", "objects.has_container"))
WRONG = "123456789012"


def named() -> Iterator[tuple[str, str]]:
    """Each registered operation with each member by which its model names an owner."""
    for name in sorted(S3.handlers):
        shape = S3.model.operation_model(name).input_shape
        yield from ((name, member) for member in MEMBERS if shape is not None and member in shape.members)


CASES = sorted(named())
EACH = pytest.mark.parametrize(("name", "member"), CASES, ids=[":".join(case) for case in CASES])


def knock(request: Wire) -> tuple[Door, int, str]:
    door = Door()
    answer = door.knock(request.method, request.url, request.headers, request.body)
    return door, answer.status, code_of(answer.body)


def test_nearly_every_operation_names_an_owner() -> None:
    without = S3.handlers.keys() - {name for name, _ in CASES}
    assert without <= {"CreateBucket", "ListBuckets"}, without


@EACH
def test_a_wrong_owner_is_refused(name: str, member: str) -> None:
    request = signed(wire(S3, name, **{member: WRONG}))
    door, status, code = knock(request)
    assert status == 403
    assert code == ("" if request.method == "HEAD" else "AccessDenied")
    assert not [one for one in door.touched if one not in READS]


@EACH
def test_the_right_owner_is_none_to_refuse(name: str, member: str) -> None:
    mine = account_id("p1", Door().settings.account_ids)
    _, status, code = knock(signed(wire(S3, name, **{member: mine})))
    assert status != 403
    assert code != "AccessDenied"
