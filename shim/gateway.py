"""The gateway: takes every AWS request through the same steps, from the socket to the answer.

    route -> resource -> who -> authorise -> parse -> read -> act -> answer -> log line, metric, refusal

It knows no action and no cloud by name, and no action can leave out a step.

If a request has several errors, the answer is the one that AWS gives: first a wrong signature, then an unknown
operation, then wrong parameters.  An unsigned request is told only that it is not signed.  Until all of these are
checked, OpenStack is asked only for the secret of the access key.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Container, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

from shim.auth.accounts import account_id
from shim.auth.body import no_body, open_body, plain_body
from shim.auth.keys import Keys
from shim.auth.request_signature import RequestSignature, parse_signature
from shim.auth.sigv4 import Verified
from shim.auth.tokens import Tokens, session_tokens
from shim.auth.unknown_keys import of_names
from shim.auth.unproved import owners_tokens
from shim.auth.verification import verify
from shim.authz import names
from shim.authz.decision import authorise
from shim.authz.dry_run import dry_run
from shim.authz.principal import ANONYMOUS, Principal, Proof
from shim.config import Settings
from shim.context import NO_CLOUD, NOBODY, Call, Caller, Tenants
from shim.failure import aws_error, failure
from shim.frontend import BrowserForm, Frontend
from shim.http.answer_body import CutShortError, send_reply
from shim.http.asgi import Receive, Scope, Send, head_of
from shim.http.keepalive import keep_connection_alive
from shim.http.request_body import BODY_HEADERS, ClientGone, while_client_waits, with_idle_timeout
from shim.protocol import routing, urlencoded_form
from shim.protocol.message import Head, Reply, Request
from shim.protocol.operation import Operation, RequestedOperation
from shim.record import Record, current, new_request_id
from shim.worker import Worker

log = logging.getLogger(__name__)
T = TypeVar("T")

# Paths outside of AWS's API, answered if unsigned; a signed request for a bucket of that name is served as S3.
SIDE_PATHS = frozenset((b"/healthcheck", b"/healthcheck/ready"))

# The limit of an unsigned form; the largest legal one has a web identity token of 20,000 characters.
_UNSIGNED_FORM_BYTES = 64 << 10
# A form or document of this size and more takes a millisecond and more to decode or parse.
_LARGE_BODY_BYTES = 16 << 10


class State:
    """What later steps, and the error's envelope, need from earlier steps of one request."""

    # The steps set these.  They are class attributes, as no request needs all of them.
    frontend: Frontend | None = None
    form = b""  # of a query service: the raw body, decoded after its signature is verified
    browser_form: BrowserForm | None = None
    tokens: Tokens | None = None
    signature: RequestSignature | None = None
    verified: Verified | None = None
    params: dict[str, Any] | None = None
    call: Call | None = None

    def __init__(self, head: Head, receive: Receive, record: Record, admitted: Callable[[], None]) -> None:
        self.head = head
        self.receive = receive
        self.record = record
        self.admitted = admitted  # to be called when the request is authorised: its body counts as unsigned until then
        self.request = Request(head)
        self.at_end: list[Callable[[], None]] = []


class Gateway:
    """The ASGI application behind the AWS endpoint.

    `observe` is called with the record of every call after its last byte was sent, and `served` with all that the steps
    found out about it; `side` serves SIDE_PATHS.  `in_flight` is the number of calls being served.  `shared` are
    further fields of `Call`, which all calls share.
    """

    def __init__(
        self,
        *,
        frontends: Mapping[str, Frontend],
        tenants: Tenants,
        credentials: Keys,
        worker: Worker,
        settings: Settings,
        regions: Container[str],
        observe: Callable[[Record], None],
        side: Callable[[Scope, Receive, Send], Awaitable[None]],
        served: Callable[[State], None] | None = None,
        **shared: Any,
    ) -> None:
        self._frontends = frontends
        self._tenants = tenants
        self._keys = credentials
        self._worker = worker
        self._settings = settings
        self._regions = regions
        self._observe = observe
        self._side = side
        self._served = served
        self.in_flight = 0
        self._skew = timedelta(seconds=settings.clock_skew_seconds)
        self._new_call = partial(  # with what all calls share
            Call,
            settings=settings,
            regions=regions,
            worker=worker,
            access_keys=credentials,
            clouds=tenants,
            unknown_names=of_names(settings.unknown_names_per_second),
            **shared,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        head = head_of(scope)
        if head.raw_path in SIDE_PATHS and not head.raw_query and "authorization" not in head.first:
            await self._side(scope, receive, send)
            return
        if not head.first.keys().isdisjoint(BODY_HEADERS):
            receive = with_idle_timeout(receive, self._settings.body_idle_seconds)
        record = Record(new_request_id(), perf_counter(), client=head.client)
        current.set(record)
        state = State(head, receive, record, scope.get("admitted", lambda: None))
        self.in_flight += 1
        try:
            await self._serve(state, send)
        except ClientGone:
            record.status, record.code = 499, "ClientGone"
        finally:
            self.in_flight -= 1
            for close in state.at_end:
                close()
            record.seconds = perf_counter() - record.started
            self._observe(record)
            if self._served is not None:
                self._served(state)

    async def _serve(self, state: State, send: Send) -> None:
        try:
            reply = await self._answer(state)
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 - every exception becomes an answer here
            reply = self._failure(error, state)
        if "origin" in state.head.first:
            await self._share(state, reply)
        state.record.status = reply.status
        try:
            await send_reply(reply, state.head, state.receive, send, state.record)
        except CutShortError as cut:
            frontend = state.frontend or self._frontends["s3"]
            state.record.code = aws_error(cut.reason, state.record, frontend, state.params).code
            raise

    async def _answer(self, state: State) -> Reply:
        """Run all steps; `_failure` turns an exception of any of them into an answer."""
        record = state.record
        frontend = self._service(state)
        if state.head.method == "OPTIONS" and frontend.cross_origin is not None:
            # A browser sends this unsigned before the real request.
            return await frontend.cross_origin.preflight(await self._askers_call(state, frontend), state.request)
        if frontend.buffered or state.head.method == "POST":
            await self._read_form(state, frontend)
        else:
            state.signature = parse_signature(state.head, frontend.service.name)
        requested = frontend.service.identify(state.request)
        record.operation = requested.name  # an operation of AWS's model, registered here or not
        principal = await self._authenticate(state, frontend)
        record.account, record.project = principal.account_id, principal.project_id
        if state.form and (requested.anonymous or principal is not ANONYMOUS):
            requested = await self._work(state, state.form, lambda: self._decode_form(state, frontend))
        await self._authorise(state, frontend, requested, principal)
        state.admitted()
        operation = requested.operation
        if operation is None:
            assert requested.error is not None  # one of the two is set
            raise requested.error

        asked: Any
        asked = state.params = await self._parse(state, frontend, operation)
        if operation.read is not None:
            asked = operation.read(self._settings, principal, operation.name, asked)
        call = state.call = state.call or await self._call(state, operation, principal)
        if operation.has_dry_run and state.params.pop("DryRun", False):
            raise dry_run(operation, call.caller.roles)
        work = self._act(state, frontend, operation, call, asked)
        if operation.ends_with_client:
            return await while_client_waits(work, state.receive)
        if not operation.keeps_connection_alive:
            return await work
        silence = self._settings.answer_silence_seconds
        return await keep_connection_alive(work, silence, record.request_id, lambda error: self._failure(error, state))

    async def _authorise(
        self, state: State, frontend: Frontend, requested: RequestedOperation, principal: Principal
    ) -> None:
        """Refuse a request that its sender may not make; keep its `Call` if the decision needs one."""
        record, operation = state.record, requested.operation
        if frontend.authorise is not None and operation is not None and state.request.address.bucket:
            call = state.call = await self._call(state, operation, principal)
            decision = await frontend.authorise(call, state.request, operation, principal, state.verified)
        else:
            action = names.action(record.service, requested.name)
            resource = names.resource(record.service, state.request.address)
            decision = authorise(principal, action, resource, open_to_anyone=requested.anonymous)
        if not decision.allowed:
            record.reason = decision.reason  # the answer tells a stranger less
            log.debug("request %s is refused: %s", record.request_id, decision.reason)
            raise decision.error or frontend.unsigned(state.request)

    def _service(self, state: State) -> Frontend:
        """Find the service of a request and, for S3, the bucket and key."""
        named = routing.service_for(state.head)
        frontend = state.frontend = self._frontends.get(named)
        if frontend is None:
            state.frontend = self._frontends["sts"]  # for its envelope, which most clients can read
            raise routing.unsupported_service(named)
        state.record.service = named  # a label of the metrics, so never a name that the client chose
        if not frontend.buffered:
            state.request = Request(state.head, routing.address(state.head, self._settings.s3_hosts))
        return frontend

    async def _read_form(self, state: State, frontend: Frontend) -> None:
        """Read the signature and, if the operation is not in the head, the form that has it.

        The form of a query service is not decoded yet, as an unsigned one must not cost that work; its operation is
        searched for in the bytes.  A browser's form is read up to its file.
        """
        head, service = state.head, frontend.service
        if head.method == "POST" and frontend.form_handler is not None and frontend.form_handler.matches(state.request):
            state.browser_form = await frontend.form_handler.open(state.request, state.receive)
            state.request = state.browser_form.request
            return
        state.signature = parse_signature(head, service.name)
        if not frontend.buffered:
            return
        if state.signature is None and not service.has_anonymous:
            raise frontend.unsigned(state.request)
        most = self._settings.query_body_bytes
        limit = most if state.signature else min(most, _UNSIGNED_FORM_BYTES)
        state.form = await plain_body(head, state.receive).read(limit)
        state.record.bytes_in = len(state.form)
        if head.method == "POST":
            state.request = Request(head, form=urlencoded_form.undecoded_action(state.form))

    async def _authenticate(self, state: State, frontend: Frontend) -> Principal:
        """Verify the signature and return the principal; raise AWS's error if it is wrong."""
        name, signer = frontend.service.name, state.browser_form or state.signature
        if signer is None:
            return ANONYMOUS
        access_key = state.record.access_key = signer.access_key
        if not access_key and state.signature is None:
            return ANONYMOUS  # nobody signed the browser's form
        token = state.signature.token if state.signature else ""
        credential = await self._keys.credential(access_key, service=name, address=state.head.client, token=token)
        # Of the key's owner, whoever signed.
        state.tokens = (session_tokens if token else Tokens)(self._keys, credential, name)
        secret, now, region = credential.secret, datetime.now(UTC), self._settings.region
        if state.signature is None:  # a browser's form: only its policy is signed
            assert state.browser_form is not None
            state.browser_form.verify(secret=secret, regions=self._regions, region=region, now=now)
            proof = Proof.FORM
        else:
            proof = Proof.SIGNATURE
            state.verified = verify(
                state.signature,
                state.head,
                secret=secret,
                service=name,
                regions=self._regions,
                now=now,
                skew=self._skew,
                payload_hash=hashlib.sha256(state.form).hexdigest() if frontend.buffered else "",
                # Only a signature of version 2 covers the bucket of the Host header.
                bucket_from_host=""
                if state.signature.scope
                else routing.bucket_in_host(state.head.first.get("host", ""), self._settings.s3_hosts),
                region=region,
                token=token,
            )
        account = account_id(credential.project_id, self._settings.account_ids)
        return Principal(proof, access_key, credential.user_id, credential.project_id, account)

    def _decode_form(self, state: State, frontend: Frontend) -> RequestedOperation:
        """Decode a form whose signature is verified, and return its operation."""
        if state.head.method == "POST":
            state.request = Request(state.head, form=urlencoded_form.decode(state.form))
        requested = frontend.service.identify(state.request)
        state.record.operation = requested.name
        return requested

    async def _parse(self, state: State, frontend: Frontend, operation: Operation) -> dict[str, Any]:
        """Return the parameters; a streamed body is one of them, unread; any other body is read and checked."""
        parse, browser_form, verified = frontend.service.parse, state.browser_form, state.verified
        account = state.record.account
        if browser_form is not None:
            state.record.bytes_in = browser_form.length
            return {**parse(operation, state.request, b"", account), operation.streaming_input: browser_form.body}
        if frontend.buffered:
            return await self._work(state, state.form, lambda: parse(operation, state.request, b"", account))
        if not operation.streaming_input and verified and no_body(state.head, verified):
            return parse(operation, state.request, b"", account)
        facts = operation.checksum
        checked = facts.required or bool(facts.algorithm_member)
        body = open_body(state.head, state.receive, verified, checked=checked, required=facts.required)
        if operation.streaming_input:
            state.record.bytes_in = body.length or 0
            params = parse(operation, state.request, b"", account)
            params[operation.streaming_input] = body
            return params
        raw = await body.read(self._settings.xml_body_bytes)
        state.record.bytes_in = len(raw)
        return await self._work(state, raw, lambda: parse(operation, state.request, raw, account))

    async def _work(self, state: State, body: bytes, work: Callable[[], T]) -> T:
        """Run a function that decodes or parses a body; in the worker if the body is large, so that nobody waits."""
        if len(body) < _LARGE_BODY_BYTES:
            return work()
        # Unsigned requests have no account: those of one address share a turn.
        return await self._worker.run(state.record.account or state.record.client, work)

    async def _call(self, state: State, operation: Operation, principal: Principal) -> Call:
        """Return the action's `Call`; the caller's token comes from the cache nearly always."""
        head, tokens, request_id = state.head, state.tokens, state.record.request_id
        if tokens is None:
            caller, cloud = NOBODY, NO_CLOUD
        else:
            token = await tokens.token()
            caller = Caller(
                principal.access_key,
                token.user_id,
                token.user_name,
                token.project_id,
                token.project_name,
                principal.account_id,
                token.roles,
                tokens.session,
            )
            cloud = self._tenants.tenant(tokens, token, request_id)
        scope = state.verified.sig.scope if state.verified else None
        return self._new_call(
            cloud=cloud,
            caller=caller,
            requester=caller,
            request_id=request_id,
            region=scope.region if scope else self._settings.region,
            operation=operation.name,
            host=head.first.get("host", ""),
            scheme=head.scheme,
            client=head.client,
            at_end=state.at_end,
            signer=cloud if scope or (state.browser_form and state.browser_form.is_v4) else NO_CLOUD,
        )

    async def _act(self, state: State, frontend: Frontend, operation: Operation, call: Call, asked: Any) -> Reply:
        """Call the action, and write its result as an answer."""
        assert operation.handler is not None  # every registered operation has one
        result = await operation.handler(call, asked)
        reply = frontend.service.reply(operation, result, request_id=state.record.request_id, request=state.request)
        return state.browser_form.answer(reply, call) if state.browser_form else reply

    async def _share(self, state: State, reply: Reply) -> None:
        """Add the headers by which a browser lets another site's page read an answer, if the bucket has such rules."""
        frontend = state.frontend
        if frontend is None or frontend.cross_origin is None or state.head.method == "OPTIONS":
            return
        if state.request.address.bucket:
            call = state.call or await self._askers_call(state, frontend)
            sent = state.request._replace(head=state.head)  # a browser's form is handled as another request
            reply.headers.extend(await frontend.cross_origin.headers(call, sent))

    async def _askers_call(self, state: State, frontend: Frontend) -> Call:
        """Return a call in the project of the access key that a request names, in none where it names no valid one.

        Nobody has proved to own that key, so the call only serves for what S3 tells everybody: a bucket's CORS rules.
        """
        tokens = state.tokens = await owners_tokens(state.head, state.browser_form or state.signature, self._keys)
        account = account_id(tokens.credential.project_id, self._settings.account_ids) if tokens else ""
        principal = ANONYMOUS._replace(account_id=account)
        return await self._call(state, frontend.service.operations["GetBucketCors"], principal)

    def _failure(self, error: Exception, state: State) -> Reply:
        """Turn any exception into the service's error envelope."""
        frontend, hidden = state.frontend or self._frontends["s3"], state.call.hidden if state.call else ()
        return failure(error, state.record, frontend, state.request, state.params, hidden)
