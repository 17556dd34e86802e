"""The gateway with website endpoints: hosts of their own, at which buckets are websites.

A request to a website becomes unsigned GETs and HEADs of objects, and each goes through all steps of the gateway: a
website shows what the bucket's policy and ACLs show to everybody, and nothing else.  See decision 19.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine, Mapping, MutableMapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from shim.authz.principal import ANONYMOUS
from shim.context import Call
from shim.errors import AwsError
from shim.failure import aws_error, note, visible
from shim.gateway import Gateway, State
from shim.http.request_body import ClientGone
from shim.protocol import routing
from shim.protocol.message import Head, Reply, Request
from shim.s3 import name_registry
from shim.s3.access.place import place
from shim.s3.config import documents
from shim.s3.config.configuration import configuration
from shim.s3.config.website import NAME
from shim.s3.errors import no_such_bucket, unsigned
from shim.websites import pages
from shim.websites.serving import Failure, answer
from shim.websites.site import Site, Visit, compiled

_SORT: Final = "website"  # the name of these look-ups in the metrics
_KEEP_SECONDS: Final = 600.0
_COMPILED: Final = 8  # bytes that a compiled configuration takes for each byte of its document, about
_OPERATIONS: Final[Mapping[str, str]] = {"GET": "GetObject", "HEAD": "HeadObject"}
# Headers of a visitor's request that S3 is sent: those that policies may ask for, and those of ranges and conditions.
_WHO: Final = frozenset(("user-agent", "referer"))
_SELECTING: Final = _WHO | {
    *("range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"),
}


class Websites(Gateway):
    """A gateway that serves the hosts of `s3_website_hosts` as websites, and all others as ever."""

    def _answer(self, state: State) -> Coroutine[Any, Any, Reply]:
        bucket = routing.website(state.head.first.get("host", ""), self._settings.s3_website_hosts)
        return super()._answer(state) if bucket is None else self._visit(state, bucket)

    async def _visit(self, state: State, bucket: str) -> Reply:
        """Answer a request to a website."""
        head, record, s3 = state.head, state.record, self._frontends["s3"]
        state.frontend = frontend = replace(s3, failure=pages.error)
        record.service = "s3"
        if not bucket:
            raise no_such_bucket(bucket)
        state.request = Request(head, routing.address(_asked(head, bucket, head.raw_path, _WHO, head.method)))
        if head.method == "OPTIONS" and frontend.cross_origin is not None:
            return await frontend.cross_origin.preflight(await self._nobodys(state, "GetBucketCors"), state.request)
        record.operation = operation = _OPERATIONS.get(head.method, "")
        if not operation:
            raise _not_allowed(head.method)
        state.call = await self._place(state, bucket)
        site = await _site(state.call, bucket)
        key, query = state.request.address.key, head.raw_query.decode("latin-1")
        visit = Visit(head.raw_path, key, query, head.scheme, head.header("host"))

        async def fetch(path: bytes, method: str, *, selecting: bool = False) -> Reply | Failure:
            return await self._fetch(state, _asked(head, bucket, path, _SELECTING if selecting else _WHO, method))

        reply, failure = await answer(site, visit, state.request, record.request_id, fetch)
        record.operation = operation
        if failure is not None:
            record.reason = failure.reason
            note(failure.error, record, frontend)
        return reply

    async def _place(self, state: State, bucket: str) -> Call:
        """Return the call that acts where the bucket is, for nobody."""
        call = await self._nobodys(state, "GetBucketWebsite")
        state.params = {"Bucket": bucket}  # for the error of a missing bucket
        found = await place(call, bucket)
        if found is not None:
            return found
        if await name_registry.owner(call, bucket) is None:  # there is no registry
            raise unsigned(state.request)
        raise no_such_bucket(bucket)

    async def _nobodys(self, state: State, operation: str) -> Call:
        return await self._call(state, self._frontends["s3"].service.operations[operation], ANONYMOUS)

    async def _fetch(self, state: State, head: Head) -> Reply | Failure:
        """Take an unsigned request through all steps."""
        record = state.record
        one = State(head, _no_body, record, state.admitted)
        one.at_end = state.at_end
        record.reason = ""
        try:
            return await super()._answer(one)
        except ClientGone:
            raise
        except Exception as failed:  # noqa: BLE001 - every exception becomes an answer here
            s3, hidden = self._frontends["s3"], one.call.hidden if one.call else ()
            error = aws_error(failed, record, s3, one.params)
            seen = visible(error, record, s3, one.request, hidden)
            reason, record.reason = record.reason, ""
            return Failure(seen, error.code == "NoSuchKey", reason)


def _asked(head: Head, bucket: str, path: bytes, names: frozenset[str], method: str) -> Head:
    """Return the head of an unsigned path-style request of a visitor, with some of the visitor's headers."""
    headers = tuple(pair for pair in head.headers if pair[0] in names)
    return Head(method, f"/{quote(bucket, safe='')}".encode() + path, b"", headers, head.scheme, head.client)


def _not_allowed(method: str) -> AwsError:
    extra = {"Method": method[:32], "ResourceType": "OBJECT"}
    return AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405, extra=extra)


async def _no_body() -> MutableMapping[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _site(call: Call, bucket: str) -> Site:
    """Return a bucket's website, which may be some seconds old; raise for a bucket that has none."""
    item = (await configuration(call, bucket)).get(NAME, "")
    project, key = call.caller.project_id, (_SORT, bucket, item)
    found: Site | None = call.cache.get(project, key) if item else None
    if found is not None:
        return found
    item, kept = await documents.recent(call, bucket, NAME)
    if not kept:
        raise AwsError(
            "NoSuchWebsiteConfiguration",
            "The specified bucket does not have a website configuration",
            404,
            extra={"BucketName": bucket},
        )
    try:
        site = compiled(kept)
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # changed by Swift's own API
        raise documents.unreadable(bucket, NAME, "it is no website") from error
    size = _COMPILED * len(json.dumps(kept))
    call.cache.put(project, (_SORT, bucket, item), site, size=size, seconds=_KEEP_SECONDS)
    return site
