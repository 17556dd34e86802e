"""PostObject: translates a browser's form into the PutObject that it means.

botocore has no model of it, because SDKs only sign the form (`generate_presigned_post`) and web pages send it.  Its
fields correspond to PutObject's headers, so all checks of uploads apply.  See "POST Object" (S3 API reference).
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, MutableMapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from shim.auth import post_form, post_policy
from shim.auth.body import Body, open_body
from shim.auth.body_checksum import expected_length, missing_length
from shim.context import Call
from shim.errors import AwsError
from shim.http.asgi import Receive
from shim.http.request_body import ClientGone
from shim.protocol.message import Address, Head, Reply, Request
from shim.protocol.multipart_form import FormData, is_form, too_much
from shim.protocol.s3_router import not_implemented
from shim.protocol.xml.write import DECLARATION, escape
from shim.s3 import names, tags
from shim.s3.errors import invalid_argument
from shim.s3.objects.objects import LARGEST_PUT, check_size
from shim.s3.service import s3

# "The maximum size of the form's fields in front of the file" (S3: 20 KB of pre-data).
FIELDS_BYTES: Final = 20 << 10
_FILENAME: Final = "${filename}"

# Fields that become headers of the PutObject.  x-amz-* fields keep their names, except those of the signature.
_HEADERS: Final = {
    "acl": "x-amz-acl",
    "cache-control": "cache-control",
    "content-disposition": "content-disposition",
    "content-encoding": "content-encoding",
    "content-language": "content-language",
    "content-md5": "content-md5",
    "content-type": "content-type",
    "expires": "expires",
}
_SIGNATURE: Final = frozenset(
    ("x-amz-signature", "x-amz-credential", "x-amz-date", "x-amz-algorithm", "x-amz-security-token")
)
# Fields that would change the request (into a copy, or a body with a coding), and fields that do not apply.
_NO_FIELDS: Final = frozenset(
    (
        "if-match",
        "if-none-match",
        "x-amz-content-sha256",
        "x-amz-copy-source",
        "x-amz-decoded-content-length",
        "x-amz-te",
        "x-amz-trailer",
    )
)
_TOLD_TO_POLICIES: Final = ("referer", "user-agent")  # aws:Referer, aws:UserAgent
_STATUSES: Final = {"200": 200, "201": 201}  # "If the value is set to an empty document or an invalid value": 204
_TOLD: Final = frozenset(("content-length", "content-type"))
_URL: Final = re.compile("[!-~]+")
_TOKEN: Final = re.compile("[!#$%&'*+.^_`|~0-9a-z-]+")  # characters of a header's name (RFC 9110, 5.6.2)
_CONTROL: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f]")  # not allowed in a header's value (RFC 9110, 5.5)


def is_post_form(request: Request) -> bool:
    """Return whether a request is a browser's form: a POST to a bucket that is signed only in its fields."""
    head, (bucket, key) = request.head, request.address
    return (
        head.method == "POST"
        and bool(bucket)
        and not key
        and not head.query_names
        and "authorization" not in head.first
        and is_form(head.header("content-type"))
    )


class BrowserForm:
    """A form whose fields are read and whose file has begun.

    `access_key` is the signer's, '' if nobody signed: such a form stores what the bucket's policy or ACL lets anybody
    store.  `is_v4` says whether the signature is of version 4, `length` is the form's size in bytes, `request` the
    PutObject that it means, `body` the file.
    """

    def __init__(self, head: Head, bucket: str, form: FormData, receive: Receive, first: bytes, *, more: bool) -> None:
        self.length = int(head.first["content-length"])
        self._form, self._receive, self._first, self._more = form, receive, first, more
        self._size = 0
        self._least, self._most = 0, LARGEST_PUT
        self._signature = post_form.parse_signature(form.fields)
        self.access_key = self._signature.access_key if self._signature else ""
        self.is_v4 = self._signature is not None and self._signature.scope is not None
        self._fields = _with_filename(form.fields, re.split(r"[/\\]", form.filename)[-1])
        self._fields["bucket"] = bucket
        self._key = self._fields.get("key", "")
        if "key" not in self._fields:
            raise post_form.missing("key")
        if not self._key:
            raise invalid_argument("User key must have a length greater than 0.", "key", "")
        names.check_key(self._key)
        path = quote(f"/{bucket}/{self._key}", errors="surrogateescape").encode()
        put = Head("PUT", path, b"", tuple(_headers(self._fields, head)), head.scheme, head.client)
        self.request = Request(put, Address(bucket, self._key))
        self.body: Body = open_body(put, self._receiving, None)
        self.body.open_ended = True

    def verify(self, *, secret: str, regions: Container[str], region: str, now: datetime) -> None:
        """Refuse a signed form with a wrong signature, or one that its policy does not allow."""
        assert self._signature is not None
        post_form.verify(self._signature, secret=secret, regions=regions, region=region)
        allowed = post_policy.read(self._signature.policy)
        allowed.check(self._fields, now)
        if allowed.sizes:
            self._least, most = allowed.sizes
            self._most = min(self._most, most)

    def answer(self, reply: Reply, call: Call) -> Reply:
        """Return the answer that the form requests, from a PutObject's answer."""
        bucket, key = self.request.address
        location = names.location(call, bucket, key)
        headers = [(name, value) for name, value in reply.headers if name.lower() not in _TOLD]
        etag = next(value for name, value in headers if name.lower() == "etag")
        elsewhere = _redirection(self._fields, {"bucket": bucket, "key": key, "etag": etag})
        if elsewhere:
            return Reply(303, [*headers, ("Location", elsewhere)])
        headers.append(("Location", location))
        status = _STATUSES.get(self._fields.get("success_action_status", ""), 204)
        if status != 201:
            return Reply(status, headers)
        told = {"Location": location, "Bucket": bucket, "Key": key, "ETag": etag}
        inside = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in told.items())
        document = f"{DECLARATION}<PostResponse>{inside}</PostResponse>"
        return Reply(201, [*headers, ("Content-Type", "application/xml")], document.encode())

    async def _receiving(self) -> MutableMapping[str, Any]:
        """Return the file's next bytes as an ASGI event of the PutObject."""
        piece, self._first = self._first, b""
        if not piece and self._more:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                return event
            piece, self._more = self._form.feed(event.get("body", b"")), event.get("more_body", False)
        if not self._more:
            self._form.finish()
        self._measure(len(piece))
        return {"type": "http.request", "body": piece, "more_body": self._more}

    def _measure(self, size: int) -> None:
        self._size += size
        if self._size > self._most:
            raise AwsError(
                "EntityTooLarge",
                "Your proposed upload exceeds the maximum allowed size",
                extra={"ProposedSize": str(self._size), "MaxSizeAllowed": str(self._most)},
            )
        if not self._more and self._size < self._least:
            raise AwsError(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                extra={"ProposedSize": str(self._size), "MinSizeAllowed": str(self._least)},
            )


async def open_form(request: Request, receive: Receive) -> BrowserForm:
    """Read a form up to its file; raise AwsError if it is malformed, ClientGone if the client disconnects."""
    head = request.head
    # A form has no aws-chunked coding, so no other header gives its length.
    told = "content-length" in head.first and "transfer-encoding" not in head.first
    length = expected_length(head, chunked=False) if told else None
    if length is None:
        raise missing_length()
    check_size(max(0, length - FIELDS_BYTES))
    form, first, more = FormData(head.header("content-type"), FIELDS_BYTES), b"", True
    while more and not form.has_file:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ClientGone
        first, more = form.feed(event.get("body", b"")), event.get("more_body", False)
    if not form.has_file:
        form.finish()
    return BrowserForm(head, request.address.bucket, form, receive, first, more=more)


def _with_filename(fields: Mapping[str, str], filename: str) -> dict[str, str]:
    """Return the fields with the file's name for `${filename}`; raise AwsError if they are too large then."""
    size = sum(len(value) + value.count(_FILENAME) * len(filename) for value in fields.values())
    if size > FIELDS_BYTES:
        raise too_much()
    return {name: value.replace(_FILENAME, filename) for name, value in fields.items()}


def _headers(fields: Mapping[str, str], form: Head) -> list[tuple[str, str]]:
    """Return the PutObject's headers: from the fields, and what bucket policies ask of the form's own headers.

    Raises AwsError for a field that cannot be a header.
    """
    if unfit := _NO_FIELDS & fields.keys():
        raise not_implemented(min(unfit))
    headers = [("x-amz-tagging", _tagging(fields["tagging"]))] if fields.get("tagging") else []
    for name, value in fields.items():
        header = _HEADERS.get(name) or (name if name.startswith("x-amz-") and name not in _SIGNATURE else "")
        if header:
            if not _TOKEN.fullmatch(header) or _CONTROL.search(value):
                raise invalid_argument("This field cannot be the header that it stands for.", name, value)
            headers.append((header, value.encode("utf-8", "surrogateescape").decode("latin-1")))
    return headers + [(name, form.first[name]) for name in _TOLD_TO_POLICIES if name in form.first]


def _tagging(document: str) -> str:
    """Return the header for the field `tagging`, which has the document of PutObjectTagging."""
    asked = Request(Head("PUT", b"/b/k", b"tagging", ()), Address("b", "k"))
    found = s3.operations["PutObjectTagging"].parse(asked, document.encode("utf-8", "surrogateescape"))
    return urlencode(tags.check_object(found["Tagging"]["TagSet"]))


def _redirection(fields: Mapping[str, str], told: Mapping[str, str]) -> str:
    """Return the URL to redirect the browser to, or '' if the form has none or an invalid one."""
    url = fields.get("success_action_redirect") or fields.get("redirect", "")
    try:
        parts = urlsplit(url) if _URL.fullmatch(url) else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.netloc:
        return ""
    more = urlencode(told)
    return urlunsplit(parts._replace(query=f"{parts.query}&{more}" if parts.query else more))
