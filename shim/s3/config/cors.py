"""CORS: which pages of other sites may use a bucket from a browser, and the answers that tell the browser so.

A bucket without rules costs nothing, as only a request with an `Origin` header is looked at here.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html and
https://docs.aws.amazon.com/AmazonS3/latest/developerguide/RESTOPTIONSobject.html (the preflight).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from adapters.errors import BackendError, absent_is
from shim.context import Call
from shim.errors import AwsError
from shim.protocol.faults import s3_ids
from shim.protocol.message import Reply, Request
from shim.protocol.restparse import malformed_xml
from shim.s3.config import documents
from shim.s3.config.configuration import configuration
from shim.s3.config.cors_rules import METHODS, Rule, allowed, requested, rule, work
from shim.s3.errors import invalid_argument, invalid_request

log = logging.getLogger(__name__)

NAME: Final = "cors"  # the configuration's document
_MOST_RULES: Final = 100  # "You can add up to 100 rules to the configuration" (CORSConfiguration)
_MOST_BYTES: Final = 64 << 10  # "The document is limited to 64 KB in size" (PutBucketCors)
_LONGEST_ID: Final = 255  # "The value cannot be longer than 255 characters" (CORSRule)
_SORT: Final = "cors"  # the name of these look-ups in the metrics
_KEEP_SECONDS: Final = 600.0
_COMPILED: Final = 12  # bytes that a compiled rule takes for each byte of its document, about
_LARGE_WORK: Final = 5_000  # comparisons; more of them take over a millisecond, so the worker makes them

_NO_ORIGIN: Final = "Insufficient information. Origin request header needed."
_NO_RULES: Final = "CORSResponse: CORS is not enabled for this bucket."
# S3 spells it so.
_NOT_ALLOWED: Final = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
    "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)


def check(value: Mapping[str, Any]) -> Any:
    """Return the rules to store; raise AwsError for what S3 refuses."""
    rules = value.get("CORSRules") or []
    if not rules:
        raise malformed_xml()
    if len(rules) > _MOST_RULES:
        raise invalid_request(f"The number of CORS rules should not exceed allowed limit of {_MOST_RULES} rules.")
    for one in rules:
        _check_rule(one)
    if len(json.dumps(rules, ensure_ascii=False).encode("utf-8", "replace")) > _MOST_BYTES:
        raise AwsError("MaxMessageLengthExceeded", "Your request was too big.", 400)
    return rules


def _check_rule(one: Mapping[str, Any]) -> None:
    if not one.get("AllowedMethods") or not one.get("AllowedOrigins") or (one.get("MaxAgeSeconds") or 0) < 0:
        raise malformed_xml()
    if len(one.get("ID") or "") > _LONGEST_ID:
        raise invalid_argument(f"ID length should not exceed allowed limit of {_LONGEST_ID}")
    for method in one["AllowedMethods"]:
        if method not in METHODS:
            raise invalid_request(f"Found unsupported HTTP method in CORS config. Unsupported method is {method}")
    for element, member in (("AllowedOrigin", "AllowedOrigins"), ("AllowedHeader", "AllowedHeaders")):
        for text in one.get(member) or ():
            if text.count("*") > 1:
                raise invalid_request(f'{element} "{text}" can not have more than one wildcard.')
    for text in one.get("ExposeHeaders") or ():
        if "*" in text:
            raise invalid_request(
                f'ExposeHeader "{text}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
            )


async def preflight(call: Call | None, request: Request) -> Reply:
    """Answer a browser's question whether a page may send a request; `call` is None where the bucket is not found.

    A bucket that does not exist is answered like one without rules, so that nobody learns the names of a project's
    containers from the access key in a presigned URL.
    """
    headers = request.head.first
    if "origin" not in headers:
        raise AwsError("BadRequest", _NO_ORIGIN, 400)
    method = headers.get("access-control-request-method", "")
    rules = await absent_is((), _rules(call, request.address.bucket)) if call else ()
    if call is None or not rules:
        raise _forbidden(_NO_RULES, method, "BUCKET")
    if method not in METHODS:
        raise AwsError("BadRequest", f"Invalid Access-Control-Request-Method: {method or 'null'}", 400)
    found = await _allowed(call, rules, request, method)
    if found is None:
        raise _forbidden(_NOT_ALLOWED, method, "OBJECT" if request.address.key else "BUCKET")
    return Reply(200, [*s3_ids(call.request_id), *found])


async def headers(call: Call, request: Request) -> Sequence[tuple[str, str]]:
    """Return the headers by which a browser lets a page read the answer to a request; none where no rule allows it.

    "The request method (for example, GET or PUT) or the Access-Control-Request-Method header" is what rules are asked
    for: S3 prefers the header, which only a preflight has, also where another request has it.
    """
    head = request.head
    method = head.first.get("access-control-request-method") or head.method
    try:
        rules = await _rules(call, request.address.bucket)
        return await _allowed(call, rules, request, method) or () if rules else ()
    except (AwsError, BackendError) as error:  # the answer itself is told, and it says more
        log.debug("request %s: no CORS rules: %s", call.request_id, error)
        return ()


def _forbidden(message: str, method: str, kind: str) -> AwsError:
    return AwsError("AccessForbidden", message, 403, extra={"Method": method[:32] or "OPTIONS", "ResourceType": kind})


async def _allowed(call: Call, rules: Sequence[Rule], request: Request, method: str) -> list[tuple[str, str]] | None:
    sent = request.head.first
    origin, names = sent["origin"], requested(sent.get("access-control-request-headers", ""))
    if work(rules, names) < _LARGE_WORK:
        return allowed(rules, origin, method, names)
    return await call.worker.run(call.caller.project_id, lambda: allowed(rules, origin, method, names))


async def _rules(call: Call, bucket: str) -> Sequence[Rule]:
    """Return a bucket's rules, which may be some seconds old; raise NOT_FOUND for a missing bucket."""
    item = (await configuration(call, bucket)).get(NAME, "")
    if not item:
        return ()
    project, key = call.caller.project_id, (_SORT, bucket, item)
    found: Sequence[Rule] | None = call.cache.get(project, key)
    if found is None:
        kept = await documents.current(call, bucket, NAME)
        try:
            found = tuple(map(rule, kept or ()))
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # changed by Swift's own API
            raise documents.unreadable(bucket, NAME, "it has no CORS rules") from error
        call.cache.put(project, key, found, size=_COMPILED * len(json.dumps(kept)), seconds=_KEEP_SECONDS)
    return found
