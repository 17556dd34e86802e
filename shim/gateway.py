"""The way of every AWS request, in one place, from the socket to the answer.

    socket -> head -> service -> who signed -> operation -> parameters -> the action -> answer -> log line, metric

Nothing here knows an action or a cloud by name, and no action can leave out a step: signature, limits, request id, log
and metric belong to this file and to the registry it reads.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Container, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import itemgetter, methodcaller
from typing import Any, Protocol

from adapters.errors import BackendError, Fault
from adapters.ports.cloud import Cloud
from adapters.types.identity import Ec2Credential, Token
from shim.auth.accounts import account_id
from shim.auth.body import no_body, open_body, plain_body
from shim.auth.keys import Keys
from shim.auth.request_signature import claim
from shim.auth.sigv4 import Verified
from shim.auth.verification import verify
from shim.config import Settings
from shim.context import Call, Caller
from shim.errors import AwsError
from shim.frontend import Frontend, Posting
from shim.http.asgi import Receive, Scope, Send
from shim.http.keepalive import in_time
from shim.http.receiving import SIGNALS, ClientGone, impatient
from shim.http.sending import CutShortError, send_reply
from shim.locks import Locks
from shim.protocol import routing
from shim.protocol.message import Head, Reply, Request, decode_pairs
from shim.protocol.operation import Operation
from shim.record import Record, current, new_request_id
from shim.refusals import is_refusal

log = logging.getLogger(__name__)

# Not AWS's, and answered to whoever does not sign; a signed request for a bucket of that name stays AWS's.
SIDE_PATHS = frozenset((b"/healthcheck", b"/healthcheck/ready"))

_text: Callable[[bytes], str] = methodcaller("decode", "latin-1")
_name: Callable[[tuple[bytes, bytes]], bytes] = itemgetter(0)
_value: Callable[[tuple[bytes, bytes]], bytes] = itemgetter(1)

# Answers as good as any other: a client asked whether something is there, or still the same.
_NO_TROUBLE = frozenset((Fault.NOT_FOUND, Fault.NOT_MODIFIED, Fault.PRECONDITION, Fault.RANGE))

_LONGEST_NAME = 200  # characters of a refused name that the log keeps

_BUG = "We encountered an internal error. Please try again."


class Tenants(Protocol):
    """The clouds: one cheap view of OpenStack for each request."""

    def tenant(self, tokens: Tokens, token: Token, request_id: str) -> Cloud:
        """Return the cloud as the owner of these tokens sees it; `token` is the one of the moment."""
        ...


@dataclass(slots=True)
class Tokens:
    """Where one caller's requests to OpenStack take their token from."""

    keys: Keys
    credential: Ec2Credential
    service: str  # in whose words a caller is refused whom Keystone lets in no more

    async def token(self) -> Token:
        """Return the caller's token, from the cache nearly always."""
        return await self.keys.token(self.credential, service=self.service)

    async def renew(self, stale: Token) -> Token:
        """Return a fresh token in place of one that OpenStack refused."""
        self.keys.forget(stale)
        return await self.token()


@dataclass(slots=True)
class _Way:
    """One request under way: what later steps, and the error's envelope, need of earlier ones."""

    head: Head
    receive: Receive
    record: Record
    request: Request
    frontend: Frontend | None = None
    posting: Posting | None = None
    params: dict[str, Any] = field(default_factory=dict)
    at_end: list[Callable[[], None]] = field(default_factory=list)


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
        settings: Settings,
        regions: Container[str],
        observe: Callable[[Record], None],
        side: Callable[[Scope, Receive, Send], Awaitable[None]],
    ) -> None:
        self._frontends = frontends
        self._tenants = tenants
        self._keys = keys
        self._locks = locks
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
        if not head.first.keys().isdisjoint(SIGNALS):
            receive = impatient(receive, self._settings.body_idle_seconds)
        record = Record(new_request_id(), time.perf_counter(), client=head.client)
        current.set(record)
        way = _Way(head, receive, record, Request(head))
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
        head, record = way.head, way.record
        named = routing.service_for(head)
        frontend = way.frontend = self._frontends.get(named)
        if frontend is None:
            way.frontend = self._frontends["sts"]  # the envelope that the clients of most other services read
            raise routing.unsupported_service(named)
        record.service = named  # a label of the metrics, so never a word of the client's own
        raw = b""
        if frontend.buffered:
            raw = await plain_body(head, way.receive).read(self._settings.query_body_bytes)
            way.request = Request(head, form=decode_pairs(raw) if head.method == "POST" else ())
        else:
            way.request = Request(head, routing.address(head, self._settings.s3_hosts))
        tokens, verified = await self._signed(way, frontend, raw)
        token = await tokens.token()
        caller = self._caller(tokens.credential.access, token)
        record.account, record.project = caller.account_id, caller.project_id

        record.operation = frontend.service.route(way.request)  # AWS has it, whether or not we do: one of a closed set
        operation = frontend.service.registered(record.operation)
        await self._parse(way, frontend, operation, verified, raw)
        scope = verified.claim.scope if verified else None
        call = Call(
            cloud=self._tenants.tenant(tokens, token, record.request_id),
            caller=caller,
            request_id=record.request_id,
            region=scope.region if scope else self._settings.region,
            regions=self._regions,
            operation=operation.name,
            settings=self._settings,
            locks=self._locks,
            host=head.first.get("host", ""),
            # Nothing but an answer's URLs hangs on what a proxy says it took off.
            scheme="https" if "https" in (head.scheme, head.first.get("x-forwarded-proto")) else "http",
            at_end=way.at_end,
        )
        if operation.has_dry_run and way.params.pop("DryRun", False):
            raise dry_run(caller, operation)
        assert operation.handler is not None  # registered() refuses what has none
        if operation.lasting:
            work = self._acted(way, frontend, operation, call)
            silence = self._settings.answer_silence_seconds
            return await in_time(work, silence, record.request_id, lambda error: self._failure(error, way))
        result = await operation.handler(call, way.params)
        reply = frontend.service.reply(operation, result, request_id=record.request_id, request=way.request)
        return way.posting.answer(reply, call) if way.posting else reply

    async def _acted(self, way: _Way, frontend: Frontend, operation: Operation, call: Call) -> Reply:
        """Act, and put the answer on the wire."""
        assert operation.handler is not None
        result = await operation.handler(call, way.params)
        return frontend.service.reply(operation, result, request_id=way.record.request_id, request=way.request)

    async def _signed(self, way: _Way, frontend: Frontend, raw: bytes) -> tuple[Tokens, Verified | None]:
        """Prove who signed; raise AWS's error where nobody did, or wrongly.  Of a form only its policy is signed."""
        name = frontend.service.name
        if way.head.method == "POST" and frontend.forms is not None and frontend.forms.posted(way.request):
            way.posting = await frontend.forms.opened(way.request, way.receive)
            return await self._allowed(way, frontend, way.posting), None
        said = claim(way.head, name)
        if said is None:
            raise frontend.anonymous(way.request)
        way.record.access_key = said.access_key
        credential = await self._keys.credential(said.access_key, service=name)
        verified = verify(
            said,
            way.head,
            secret=credential.secret,
            service=name,
            regions=self._regions,
            now=datetime.now(UTC),
            skew=self._skew,
            payload_hash=hashlib.sha256(raw).hexdigest() if frontend.buffered else "",
            bucket_from_host=routing.bucket_in_host(way.head.first.get("host", ""), self._settings.s3_hosts),
            region=self._settings.region,
        )
        return Tokens(self._keys, credential, name), verified

    async def _allowed(self, way: _Way, frontend: Frontend, posting: Posting) -> Tokens:
        """Prove that a browser's form does what its signer allowed, and go on with the request it stands for."""
        name = frontend.service.name
        way.record.access_key = posting.access_key
        credential = await self._keys.credential(posting.access_key, service=name)
        posting.verify(
            secret=credential.secret, regions=self._regions, region=self._settings.region, now=datetime.now(UTC)
        )
        way.request = posting.request
        return Tokens(self._keys, credential, name)

    async def _parse(
        self, way: _Way, frontend: Frontend, operation: Operation, verified: Verified | None, raw: bytes
    ) -> None:
        """Fill in the parameters; a streamed body becomes one of them, unread, and any other is read and checked."""
        if frontend.buffered:
            way.record.bytes_in = len(raw)
            way.params = frontend.service.parse(operation, way.request, raw)
            return
        if way.posting is not None:
            way.record.bytes_in = way.posting.length
            way.params = {
                **frontend.service.parse(operation, way.request, b""),
                operation.streaming_input: way.posting.body,
            }
            return
        assert verified is not None  # as everything is but a form
        if not operation.streaming_input and no_body(way.head, verified):
            way.params = frontend.service.parse(operation, way.request, b"")
            return
        facts = operation.checksum
        body = open_body(way.head, way.receive, verified, checked=facts.required or bool(facts.algorithm_member))
        if operation.streaming_input:
            way.params = frontend.service.parse(operation, way.request, b"")
            way.params[operation.streaming_input] = body
            way.record.bytes_in = body.length or 0
            return
        raw = await body.read(self._settings.xml_body_bytes)
        way.record.bytes_in = len(raw)
        way.params = frontend.service.parse(operation, way.request, raw)

    def _caller(self, access_key: str, token: Token) -> Caller:
        return Caller(
            access_key=access_key,
            user_id=token.user_id,
            user_name=token.user_name,
            project_id=token.project_id,
            project_name=token.project_name,
            account_id=account_id(token.project_id, self._settings.account_ids),
            roles=token.roles,
        )

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
            error = frontend.translate(error, record.operation, way.params)
        if not isinstance(error, AwsError):
            log.error("request %s: %s %s broke", record.request_id, record.service, record.operation, exc_info=error)
            error = AwsError("InternalError", _BUG, 500)
        return error


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


def dry_run(caller: Caller, operation: Operation) -> AwsError:
    """Return what a dry run ends with: it never acts, whatever it says.

    OpenStack has no dry run of its own; of its policies only this much is sure everywhere: who holds nothing but the
    role `reader` changes nothing.
    """
    if operation.mutating and caller.roles and caller.roles <= {"reader"}:
        return AwsError("UnauthorizedOperation", "You are not authorized to perform this operation.", 403)
    return AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
