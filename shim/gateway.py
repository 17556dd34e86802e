"""The way of every AWS request, in one place, from the socket to the answer.

    route -> resource -> who -> authorise -> parse -> check -> act -> answer -> log line, metric, refusal

Nothing here knows an action or a cloud by name, and no action can leave out a step: signature, limits, request id, log
and metric belong to this file and to the registry it reads.

Where a request is wrong in several ways, the answer is the one that AWS gives: a signature that does not hold comes
before an operation that is not there, and both come before the parameters.  A stranger learns nothing but that the
request is not signed.  OpenStack is asked for nothing but the secret of the access key until all of that is settled.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Container, Mapping
from datetime import UTC, datetime, timedelta
from operator import itemgetter, methodcaller
from typing import Any, TypeVar

from adapters.errors import BackendError, Fault
from shim.auth.accounts import account_id
from shim.auth.body import no_body, open_body, plain_body
from shim.auth.keys import Keys
from shim.auth.request_signature import RequestSignature, parse_signature
from shim.auth.sigv4 import Verified
from shim.auth.tokens import Tokens
from shim.auth.verification import verify
from shim.authz import names
from shim.authz.decision import authorise
from shim.authz.dry_run import dry_run
from shim.authz.principal import ANONYMOUS, Principal, Proof
from shim.cache import Cache
from shim.config import Settings
from shim.context import NO_CLOUD, Call, Caller, Tenants
from shim.errors import AwsError
from shim.frontend import BrowserForm, Frontend
from shim.http.answer_body import CutShortError, send_reply
from shim.http.asgi import Receive, Scope, Send
from shim.http.keepalive import keep_connection_alive
from shim.http.request_body import BODY_HEADERS, ClientGone, while_client_waits, with_idle_timeout
from shim.locks import Locks
from shim.protocol import routing, urlencoded_form
from shim.protocol.message import Head, Reply, Request
from shim.protocol.operation import Operation, RequestedOperation
from shim.record import Record, current, new_request_id
from shim.refusals import is_refusal

log = logging.getLogger(__name__)

# Not AWS's, and answered to whoever does not sign; a signed request for a bucket of that name stays AWS's.
SIDE_PATHS = frozenset((b"/healthcheck", b"/healthcheck/ready"))

T = TypeVar("T")

_text: Callable[[bytes], str] = methodcaller("decode", "latin-1")
_name: Callable[[tuple[bytes, bytes]], bytes] = itemgetter(0)
_value: Callable[[tuple[bytes, bytes]], bytes] = itemgetter(1)

# Of a form that nobody signed; the largest legal one holds a web identity token of 20,000 characters.
_UNSIGNED_FORM_BYTES = 64 << 10

# From here on a form takes a millisecond and more to decode or parse.
_LARGE_FORM_BYTES = 16 << 10

# Answers as good as any other: a client asked whether something is there, or still the same.
_NO_TROUBLE = frozenset((Fault.NOT_FOUND, Fault.NOT_MODIFIED, Fault.PRECONDITION, Fault.RANGE))

_LONGEST_NAME = 200  # characters of a refused name that the log keeps

_BUG = "We encountered an internal error. Please try again."


class _Way:
    """One request under way: what later steps, and the error's envelope, need of earlier ones."""

    # Filled in by the steps.  Class attributes, as no request needs all of them.
    frontend: Frontend | None = None
    form = b""  # of a query service: the body as it came, decoded once its signature is verified
    browser_form: BrowserForm | None = None
    tokens: Tokens | None = None
    signature: RequestSignature | None = None
    verified: Verified | None = None
    params: dict[str, Any] | None = None

    def __init__(self, head: Head, receive: Receive, record: Record, admitted: Callable[[], None]) -> None:
        self.head = head
        self.receive = receive
        self.record = record
        self.admitted = admitted  # to be called once the request may act: its body is no stranger's any more
        self.request = Request(head)
        self.at_end: list[Callable[[], None]] = []


class Gateway:
    """The ASGI application behind the AWS endpoint.

    `observe` is told of every call once its last byte has left; `side` answers the few paths that are not AWS's.
    `in_flight` is the number of calls being served.
    """

    def __init__(
        self,
        *,
        frontends: Mapping[str, Frontend],
        tenants: Tenants,
        keys: Keys,
        locks: Locks,
        cache: Cache,
        settings: Settings,
        regions: Container[str],
        observe: Callable[[Record], None],
        side: Callable[[Scope, Receive, Send], Awaitable[None]],
    ) -> None:
        self._frontends = frontends
        self._tenants = tenants
        self._keys = keys
        self._locks = locks
        self._cache = cache
        self._settings = settings
        self._regions = regions
        self._observe = observe
        self._side = side
        self.in_flight = 0
        self._skew = timedelta(seconds=settings.clock_skew_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        head = head_of(scope)
        if head.raw_path in SIDE_PATHS and not head.raw_query and "authorization" not in head.first:
            await self._side(scope, receive, send)
            return
        if not head.first.keys().isdisjoint(BODY_HEADERS):
            receive = with_idle_timeout(receive, self._settings.body_idle_seconds)
        record = Record(new_request_id(), time.perf_counter(), client=head.client)
        current.set(record)
        way = _Way(head, receive, record, scope.get("admitted", _nothing))
        self.in_flight += 1
        try:
            await self._serve(way, send)
        except ClientGone:
            record.status, record.code = 499, "ClientGone"
        finally:
            self.in_flight -= 1
            for close in way.at_end:
                close()
            record.seconds = time.perf_counter() - record.started
            self._observe(record)

    async def _serve(self, way: _Way, send: Send) -> None:
        try:
            reply = await self._answer(way)
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 - the last border: whatever happened becomes an answer
            reply = self._failure(error, way)
        way.record.status = reply.status
        try:
            await send_reply(reply, way.head, way.receive, send, way.record)
        except CutShortError as cut:
            way.record.code = self._told(cut.reason, way).code
            raise

    async def _answer(self, way: _Way) -> Reply:
        """Walk the whole way; every exception on it becomes an answer in `_failure`."""
        record = way.record
        frontend = self._service(way)
        if way.head.method == "OPTIONS" and frontend.preflight is not None:
            raise frontend.preflight(way.request)  # a browser asks unsigned, before it sends the request it means
        if frontend.buffered or way.head.method == "POST":
            await self._read_form(way, frontend)
        else:
            way.signature = parse_signature(way.head, frontend.service.name)
        requested = frontend.service.identify(way.request)
        record.operation = requested.name  # AWS has it, whether or not we do: one of a closed set
        resource = names.resource(record.service, way.request.address)
        principal = await self._who(way, frontend)
        record.account, record.project = principal.account_id, principal.project_id
        if way.form and (requested.anonymous or principal is not ANONYMOUS):
            requested = await _aside(way.form, lambda: self._decoded(way, frontend))
        action = names.action(record.service, requested.name)
        decision = authorise(principal, action, resource, open_to_anyone=requested.anonymous)
        if not decision.allowed:
            raise frontend.unsigned(way.request)
        way.admitted()
        operation = requested.operation
        if operation is None:
            assert requested.error is not None  # there is one or the other
            raise requested.error

        params = way.params = await self._parse(way, frontend, operation)
        if operation.check is not None:
            operation.check(self._settings, principal, operation.name, params)
        call = await self._call(way, operation, principal, params)
        work = self._act(way, frontend, operation, call, params)
        if operation.ends_with_client:
            return await while_client_waits(work, way.receive)
        if not operation.keeps_connection_alive:
            return await work
        silence = self._settings.answer_silence_seconds
        return await keep_connection_alive(work, silence, record.request_id, lambda error: self._failure(error, way))

    def _service(self, way: _Way) -> Frontend:
        """Find the service that a request is for, and what of it the path names."""
        named = routing.service_for(way.head)
        frontend = way.frontend = self._frontends.get(named)
        if frontend is None:
            way.frontend = self._frontends["sts"]  # the envelope that the clients of most other services read
            raise routing.unsupported_service(named)
        way.record.service = named  # a label of the metrics, so never a word of the client's own
        if not frontend.buffered:
            way.request = Request(way.head, routing.address(way.head, self._settings.s3_hosts))
        return frontend

    async def _read_form(self, way: _Way, frontend: Frontend) -> None:
        """Read who is said to have signed and, where head and path do not tell the operation, the form that does.

        The form of a query service is kept as it came, and only a glance tells its operation: whoever did not sign it
        must not cost the work of decoding it.  Of a browser's form the fields are read, up to its file.
        """
        head, service = way.head, frontend.service
        if head.method == "POST" and frontend.form_handler is not None and frontend.form_handler.matches(way.request):
            way.browser_form = await frontend.form_handler.open(way.request, way.receive)
            way.request = way.browser_form.request
            return
        way.signature = parse_signature(head, service.name)
        if not frontend.buffered:
            return
        if way.signature is None and not service.has_anonymous:
            raise frontend.unsigned(way.request)
        most = self._settings.query_body_bytes
        way.form = await plain_body(head, way.receive).read(most if way.signature else min(most, _UNSIGNED_FORM_BYTES))
        way.record.bytes_in = len(way.form)
        if head.method == "POST":
            way.request = Request(head, form=urlencoded_form.undecoded_action(way.form))

    async def _who(self, way: _Way, frontend: Frontend) -> Principal:
        """Prove who signed; raise AWS's error where the signature does not hold."""
        name, signer = frontend.service.name, way.browser_form or way.signature
        if signer is None:
            return ANONYMOUS
        access_key = way.record.access_key = signer.access_key
        credential = await self._keys.credential(access_key, service=name)
        secret, now, region = credential.secret, datetime.now(UTC), self._settings.region
        if way.signature is None:  # of a browser's form only its policy is signed
            assert way.browser_form is not None
            way.browser_form.verify(secret=secret, regions=self._regions, region=region, now=now)
            proof = Proof.FORM
        else:
            proof = Proof.SIGNATURE
            way.verified = verify(
                way.signature,
                way.head,
                secret=secret,
                service=name,
                regions=self._regions,
                now=now,
                skew=self._skew,
                payload_hash=hashlib.sha256(way.form).hexdigest() if frontend.buffered else "",
                # Only a signature of version 2 covers the bucket of the Host header.
                bucket_from_host=""
                if way.signature.scope
                else routing.bucket_in_host(way.head.first.get("host", ""), self._settings.s3_hosts),
                region=region,
            )
        way.tokens = Tokens(self._keys, credential, name)
        project = credential.project_id
        account = account_id(project, self._settings.account_ids)
        return Principal(proof, access_key, credential.user_id, project, account)

    def _decoded(self, way: _Way, frontend: Frontend) -> RequestedOperation:
        """Decode a form whose signature holds, and return what it asks for; a glance may have missed it."""
        if way.head.method == "POST":
            way.request = Request(way.head, form=urlencoded_form.decode(way.form))
        requested = frontend.service.identify(way.request)
        way.record.operation = requested.name
        return requested

    async def _parse(self, way: _Way, frontend: Frontend, operation: Operation) -> dict[str, Any]:
        """Return the parameters; a streamed body becomes one of them, unread, and any other is read and checked."""
        parse, browser_form, verified = frontend.service.parse, way.browser_form, way.verified
        if browser_form is not None:
            way.record.bytes_in = browser_form.length
            return {**parse(operation, way.request, b""), operation.streaming_input: browser_form.body}
        if frontend.buffered:
            return await _aside(way.form, lambda: parse(operation, way.request, b""))
        if not operation.streaming_input and verified and no_body(way.head, verified):
            return parse(operation, way.request, b"")
        facts = operation.checksum
        checked = facts.required or bool(facts.algorithm_member)
        body = open_body(way.head, way.receive, verified, checked=checked, required=facts.required)
        if operation.streaming_input:
            way.record.bytes_in = body.length or 0
            params = parse(operation, way.request, b"")
            params[operation.streaming_input] = body
            return params
        raw = await body.read(self._settings.xml_body_bytes)
        way.record.bytes_in = len(raw)
        return parse(operation, way.request, raw)

    async def _call(self, way: _Way, operation: Operation, principal: Principal, params: dict[str, Any]) -> Call:
        """Return what the action may know; the caller's token comes from the cache nearly always."""
        settings, head = self._settings, way.head
        if way.tokens is None:
            caller, cloud = Caller("", "", "", "", "", "", frozenset()), NO_CLOUD
        else:
            token = await way.tokens.token()
            caller = Caller(
                access_key=principal.access_key,
                user_id=token.user_id,
                user_name=token.user_name,
                project_id=token.project_id,
                project_name=token.project_name,
                account_id=principal.account_id,
                roles=token.roles,
            )
            cloud = self._tenants.tenant(way.tokens, token, way.record.request_id)
        if operation.has_dry_run and params.pop("DryRun", False):
            raise dry_run(operation, caller.roles)
        scope = way.verified.sig.scope if way.verified else None
        return Call(
            cloud=cloud,
            caller=caller,
            request_id=way.record.request_id,
            region=scope.region if scope else settings.region,
            regions=self._regions,
            operation=operation.name,
            settings=settings,
            locks=self._locks,
            host=head.first.get("host", ""),
            scheme=head.scheme,
            at_end=way.at_end,
            cache=self._cache,
        )

    async def _act(
        self, way: _Way, frontend: Frontend, operation: Operation, call: Call, params: Mapping[str, Any]
    ) -> Reply:
        """Act, and put the answer on the wire."""
        assert operation.handler is not None  # as every registered operation has
        result = await operation.handler(call, params)
        reply = frontend.service.reply(operation, result, request_id=way.record.request_id, request=way.request)
        return way.browser_form.answer(reply, call) if way.browser_form else reply

    def _failure(self, error: Exception, way: _Way) -> Reply:
        """Turn any exception into the service's error envelope."""
        told = self._told(error, way)
        way.record.code = told.code
        if is_refusal(told.status, told.code):
            self._refused(way.record, told, way.frontend)
        frontend = way.frontend or self._frontends["s3"]
        return frontend.service.failure(told, request_id=way.record.request_id, request=way.request)

    def _refused(self, record: Record, error: AwsError, frontend: Frontend | None) -> None:
        """Write down what was refused and why."""
        record.reason = error.message
        record.refused = error.refused[:_LONGEST_NAME]
        if record.refused:
            record.refused_label = frontend.service.label(record.refused) if frontend else "other"

    def _told(self, error: Exception, way: _Way) -> AwsError:
        """Return any exception in AWS's words, and log what they hide; a bug shows nothing but the request id."""
        record, frontend = way.record, way.frontend or self._frontends["s3"]
        if isinstance(error, BackendError):
            level = logging.DEBUG if error.fault in _NO_TROUBLE else logging.WARNING
            log.log(level, "request %s: %s (upstream %s)", record.request_id, error, error.upstream_id or "-")
            error = frontend.translate(error, record.operation, way.params or {})
        if not isinstance(error, AwsError):
            log.error("request %s: %s %s broke", record.request_id, record.service, record.operation, exc_info=error)
            error = AwsError("InternalError", _BUG, 500)
        return error


async def _aside(form: bytes, work: Callable[[], T]) -> T:
    """Do what decodes or parses a form: on a thread where that takes so long that other requests would feel it."""
    return work() if len(form) < _LARGE_FORM_BYTES else await asyncio.to_thread(work)


def _nothing() -> None:
    return


def head_of(scope: Scope) -> Head:
    """Return the request's head as it came over the wire."""
    client = scope.get("client")
    return Head(
        method=scope["method"],
        raw_path=scope["raw_path"],
        raw_query=scope["query_string"],
        headers=tuple(
            zip(map(_text, map(_name, scope["headers"])), map(_text, map(_value, scope["headers"])), strict=True)
        ),
        scheme=scope["scheme"],
        client=client[0] if client else "",
    )
