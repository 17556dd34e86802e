"""The recorder: an ASGI application that passes each call on to its target and writes a line about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx

from recording import calls, signing
from recording.chunks import SIGNED_MODES, resigned
from recording.lines import Line
from recording.peers import is_own
from recording.secrets import Hider
from shim.auth.request_signature import RequestSignature, parse_signature
from shim.errors import AwsError
from shim.http.asgi import Receive, Scope, Send, head_of
from shim.protocol.message import Head
from shim.protocol.routing import bucket_in_host

# Headers that concern one connection (RFC 9110, 7.6.1); a body's own framing is kept by its length.
_HOP: Final = frozenset({
    "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te",
    "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip
_FORM_BYTES: Final = 64 << 20  # of a request that is read whole, as a form or a document
_ANSWER_BYTES: Final = 32 << 20  # of an answer whose members are kept
# An answer of known length that is read to its end though its client has left: whether a client that wants only the
# headers of a small object closes before or after its body comes is chance, and a line must not tell chance.
_SHORT_BYTES: Final = 64 << 10
_TIMEOUT: Final = httpx.Timeout(None, connect=10.0)  # how long a call may take is for its client to say


_GONE: Final = "the client left before the end"
# A page in the user's browser may send anything here, from a socket that is the user's (Fetch Metadata, 2.4).
_OTHER_SITES: Final = ("cross-site", "same-site")


class ClientGoneError(Exception):
    """The client left in the middle of its request."""


@dataclass(slots=True)
class Recorder:
    """Passes calls on.  `target` gives the URL for a service and a region, `write` takes each line."""

    target: Callable[[str, str], str]
    keyring: signing.Keyring
    write: Callable[[Line], None]
    region: str
    verify: Any = True  # whose certificates are trusted
    _hider: Hider = field(default_factory=Hider)
    _client: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or the server's start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif not is_own(tuple(scope["client"]), tuple(scope["server"])):
            await _say(send, 403, "the recorder serves only the user who started it")
        else:
            await self._pass(head_of(scope), receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=32)
        async with httpx.AsyncClient(timeout=_TIMEOUT, limits=limits, verify=self.verify) as self._client:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _pass(self, head: Head, receive: Receive, send: Send) -> None:
        made = _Call(datetime.now(UTC), time.perf_counter(), calls.begin(head))
        try:
            signature = parse_signature(head)
        except AwsError:  # passed as it is: the target says what is wrong with it
            signature = None
        if signature is not None and head.header("sec-fetch-site") in _OTHER_SITES:
            await _say(send, 403, "the recorder signs nothing for web pages")
            return
        body = _pieces(receive)
        whole = b""
        if not made.asked.streams:
            try:
                whole = await _read(body)
            except AwsError as error:
                await _say(send, error.status, error.message)
                return
            except ClientGoneError:
                self._write(made, 0, calls.Answered(unread=_GONE))
                return
            made.asked = calls.asked(made.asked, whole)
            body = _one(whole)
        try:
            request = self._request(head, signature, made, body, whole)
            answer = await self._client.send(request, stream=True)
        except ClientGoneError:
            self._write(made, 0, calls.Answered(unread=_GONE))
            return
        except httpx.HTTPError as error:
            self._write(made, 0, calls.Answered(unread=f"no answer of the target: {type(error).__name__}"))
            await _say(send, 502, f"the recorder has no answer of its target: {type(error).__name__}")
            return
        try:
            await self._answer(made, answer, receive, send)
        finally:
            await answer.aclose()

    def _request(
        self, head: Head, signature: RequestSignature | None, made: _Call, body: AsyncIterator[bytes], whole: bytes
    ) -> httpx.Request:
        """Return the request to the target, whose body is sent as it comes."""
        scope = signature.scope if signature else None
        service = made.asked.service
        base = urlsplit(self.target(service, scope.region if scope else self.region))
        new = _aimed(head, base.netloc, base.path)
        content = made.counted(body)
        if signature is not None:
            s3 = service == "s3"
            payload = signing.payload_of(signature) if s3 else sha256(whole).hexdigest()
            credentials = self.keyring.of(signature.access_key)
            new, signer = signing.signed(new, signature, service, payload, credentials, self.region, made.began)
            if payload in SIGNED_MODES:
                content = resigned(content, signer)
        has_body = "content-length" in head.first or "transfer-encoding" in head.first
        target = new.raw_path + (b"?" + new.raw_query if new.raw_query else b"")
        return httpx.Request(
            head.method,
            f"{base.scheme}://{base.netloc}/",
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in new.headers],
            content=content if has_body else None,
            extensions={"target": target, "timeout": _TIMEOUT.as_dict()},
        )

    async def _answer(self, made: _Call, answer: httpx.Response, receive: Receive, send: Send) -> None:
        """Pass the answer on as it comes, and write the line when it has ended."""
        headers = [pair for pair in answer.headers.raw if pair[0].lower().decode("latin-1") not in _HOP]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
        made.end()  # the length of what streamed is known now
        streams = answer.status_code < 300 and bool(calls.output_streams(made.asked))
        kept: bytearray | None = None if streams else bytearray()
        length, broken = 0, ""
        short = int(answer.headers.get("content-length", _SHORT_BYTES + 1)) <= _SHORT_BYTES
        gone = asyncio.ensure_future(_leaves(receive))
        try:
            async for piece in answer.aiter_raw():
                if gone.done() and not short:
                    broken = _GONE
                    break
                length += len(piece)
                if kept is not None:
                    kept += piece
                    kept = kept if len(kept) <= _ANSWER_BYTES else None
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except httpx.HTTPError as error:
            broken = f"the answer broke off: {type(error).__name__}"
        finally:
            gone.cancel()
        names = {name.lower(): value for name, value in answer.headers.items()}
        body = None if kept is None else bytes(kept)
        found = calls.answered(made.asked, answer.status_code, names, body, length)
        if made.asked.service == "sts":
            self.keyring.learn(found.members)
        self._write(made, answer.status_code, replace(found, unread=broken) if broken else found)
        if broken:
            raise ConnectionError(broken)  # only a closed connection tells the client
        await send({"type": "http.response.body", "body": b""})

    def _write(self, made: _Call, status: int, found: calls.Answered) -> None:
        made.end()
        asked, hider = made.asked, self._hider
        made_of, gives = calls.input_shape(asked), calls.output_shape(asked)
        self.write(
            Line(
                made.began.isoformat(timespec="microseconds").replace("+00:00", "Z"),
                asked.service,
                asked.operation,
                hider.kept(asked.params, made_of) if made_of is not None else {},
                status,
                found.error,
                hider.kept(found.members, gives) if gives is not None else {},
                round(time.perf_counter() - made.clock, 6),
                asked.unread or found.unread,
            )
        )


@dataclass(slots=True)
class _Call:
    """A call under way: when it began, what it asks for, and the bytes of its body."""

    began: datetime
    clock: float
    asked: calls.Asked
    length: int = 0

    async def counted(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the body and count its bytes."""
        async for piece in body:
            self.length += len(piece)
            yield piece

    def end(self) -> None:
        """Read the parameters of a call whose body streamed: that of an object counts without its chunks' heads."""
        if self.asked.streams and not self.asked.params:
            decoded = self.asked.request.head.header("x-amz-decoded-content-length")
            self.asked = calls.asked(self.asked, b"", int(decoded) if decoded.isdecimal() else self.length)


def _aimed(head: Head, netloc: str, base: str) -> Head:
    """Return a head for the target's host, without what concerns one connection; the bucket goes into the path."""
    bucket = bucket_in_host(head.first.get("host", ""), calls.LOCAL_HOSTS)
    path = b"/" + quote(bucket, safe="").encode() + head.raw_path if bucket else head.raw_path
    named = {name.strip().lower() for name in head.header("connection").split(",")}
    kept = [pair for pair in head.headers if pair[0] not in _HOP and pair[0] not in named and pair[0] != "host"]
    prefix = base.rstrip("/").encode()
    return replace(head, raw_path=prefix + path, headers=(("host", netloc), *kept))


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    """Yield a request's body as it comes."""
    while True:
        message: Mapping[str, Any] = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return


async def _leaves(receive: Receive) -> None:
    """Return when the client has closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read(body: AsyncIterator[bytes]) -> bytes:
    whole = bytearray()
    async for piece in body:
        whole += piece
        if len(whole) > _FORM_BYTES:
            raise AwsError("RequestEntityTooLarge", f"the recorder reads up to {_FORM_BYTES:,} bytes", 413)
    return bytes(whole)


async def _one(whole: bytes) -> AsyncIterator[bytes]:
    if whole:
        yield whole


async def _say(send: Send, status: int, sentence: str) -> None:
    text = sentence.encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
