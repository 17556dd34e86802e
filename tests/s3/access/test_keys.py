"""The condition keys of a request have the values that the action obeys."""

from typing import Any

import pytest

from shim.authz.patterns import Context
from shim.authz.principal import ANONYMOUS
from shim.config import Settings
from shim.context import NO_CLOUD, NOBODY, Call
from shim.locks import Locks
from shim.protocol.message import Head
from shim.s3.access.keys import keys

SOURCE = "s3:x-amz-copy-source"
TAG_KEYS, TAG = "s3:requestobjecttagkeys", "s3:requestobjecttag/"


def told(*asked: str, **params: Any) -> Context:
    call = Call(NO_CLOUD, NOBODY, "id", "us-east-1", "CopyObject", Settings.model_validate({}), Locks(""))
    return keys(call, NOBODY, ANONYMOUS, None, Head("PUT", b"/b/k", b"", ()), params, asked)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("src/secret/x", "src/secret/x"),
        ("src/%73ecret/x", "src/secret/x"),
        ("/src%2fsecret/x?versionId=null", "src/secret/x"),
        ("src/a+b", "src/a b"),
        ("src/\u00c3\u00a9", "src/\u00e9"),  # header text is latin-1
    ],
)
def test_a_copys_source_is_the_object_that_is_copied(header: str, value: str) -> None:
    assert told(CopySource=header)[SOURCE] == (value,)


def test_a_source_that_no_copy_can_have_is_unknown() -> None:
    assert told(CopySource="src")[SOURCE] is None
    assert SOURCE not in told()


def test_request_tags_are_those_that_the_object_gets() -> None:
    found = told(Tagging="b=\u00c3\u00a9&a=1&")
    assert (found[TAG_KEYS], found[f"{TAG}a"], found[f"{TAG}b"]) == (("a", "b"), ("1",), ("\u00e9",))


@pytest.mark.parametrize("header", ["a=1&a=2", "a=%zz", "a=%ff", "aws:x=1"])
def test_request_tags_that_the_upload_refuses_are_unknown(header: str) -> None:
    found = told(f"{TAG}a", "aws:username", Tagging=header)
    assert found[TAG_KEYS] is None
    assert found[f"{TAG}a"] is None
    assert "aws:username" not in found
