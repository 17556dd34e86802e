"""Browsers' forms before any call to the cloud: which requests are forms, and redirections."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from urllib3.filepost import encode_multipart_formdata

from shim.config import Settings
from shim.context import Call, Caller
from shim.errors import AwsError
from shim.locks import Locks
from shim.protocol.message import Address, Head, Reply, Request
from shim.s3.objects import post_forms

FIELDS = {"key": "k", "AWSAccessKeyId": "a", "policy": "p", "signature": "s"}


def opened(fields: dict[str, str], headers: tuple[tuple[str, str], ...] | None = None) -> post_forms.BrowserForm:
    body, content_type = encode_multipart_formdata([*fields.items(), ("file", ("f", b"content"))])
    lengths = (("content-length", str(len(body))),) if headers is None else headers

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    head = Head("POST", b"/b", b"", (("content-type", content_type), *lengths))
    return asyncio.run(post_forms.open_form(Request(head, Address("b", "")), receive))


@pytest.mark.parametrize("also", [(), (("x-amz-decoded-content-length", "7"),)])
def test_a_form_says_its_own_length(also: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(AwsError) as caught:
        opened(FIELDS, (("transfer-encoding", "chunked"), *also))
    assert (caught.value.code, caught.value.status) == ("MissingContentLength", 411)


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("https://e.test/", "https://e.test/?"),
        ("https://e.test/a?flag&x=%FF&y=a%20b", "https://e.test/a?flag&x=%FF&y=a%20b&"),
    ],
)
def test_the_page_to_go_on_to_keeps_its_own_query(url: str, where: str) -> None:
    cloud: Any = None
    caller = Caller("key", "user", "user", "project", "project", "0" * 12, frozenset())
    call = Call(cloud, caller, "id", "us-east-1", "PutObject", Settings.model_validate({}), Locks(""))
    form = opened(FIELDS | {"success_action_redirect": url})
    reply = form.answer(Reply(200, [("ETag", '"e"')]), call)
    assert dict(reply.headers)["Location"] == f"{where}bucket=b&key=k&etag=%22e%22"
