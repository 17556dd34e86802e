"""Requests that two readers may understand differently (request smuggling), and what each reader makes of them.

"Request smuggling [...] exploits differences in protocol parsing among various recipients to hide additional requests"
(RFC 9112, 11.2).  Each case is sent on a connection of its own, behind it a plain request: whoever reads more or less
of a body than the other side meant serves that request wrongly, or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass

HOST = b"Host: x\r\n"
PUT = b"PUT /k HTTP/1.1\r\n" + HOST
CHUNKED = PUT + b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"
AFTER = b"GET /after HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
THEN = " | GET /after"
LONG = b"a" * 70_000  # most of it does not pass through our parser

# uvicorn's application has its turn before the body is found to be broken; ours is told what is wrong instead.
LATE = "its application is told that the client has gone, not that the body is broken"

# What is served when all is well, and what is answered when it is not.
SERVED, REFUSED = "PUT /k abc" + THEN, "400"


@dataclass(frozen=True, slots=True)
class Case:
    """`seen` is what our connection makes of the bytes: the requests that the application gets, or a refusal.

    `oracle` is what uvicorn's own protocol makes of them where that is something else, and `why` the reason.
    """

    name: str
    sent: bytes
    seen: str
    oracle: str = ""
    why: str = ""
    cut: bool = False  # nothing follows, and the client is through


def put(*lines: bytes, body: bytes = b"abc") -> bytes:
    """Return a PUT with these header lines, as they are."""
    return PUT + b"".join(lines) + b"\r\n" + body


LENGTH = [
    Case("a length", put(b"Content-Length: 3\r\n"), SERVED),
    Case("a length with zeros before it", put(b"Content-Length: 0003\r\n"), SERVED),
    Case("a length with spaces around it", put(b"Content-Length:   3  \r\n"), SERVED),
    Case("a length with a tab before it", put(b"Content-Length:\t3\r\n"), SERVED),
    Case("two lengths", put(b"Content-Length: 3\r\n", b"Content-Length: 3\r\n"), REFUSED),
    Case("two lengths that differ", put(b"Content-Length: 3\r\n", b"Content-Length: 0\r\n"), REFUSED),
    Case("a list of lengths", put(b"Content-Length: 3, 3\r\n"), REFUSED),
    Case("a length with a plus", put(b"Content-Length: +3\r\n"), REFUSED),
    Case("a length with a minus", put(b"Content-Length: -3\r\n"), REFUSED),
    Case("a length in hexadecimal", put(b"Content-Length: 0x3\r\n"), REFUSED),
    Case("a length with a fraction", put(b"Content-Length: 3.0\r\n"), REFUSED),
    Case("a length with an underscore", put(b"Content-Length: 0_3\r\n"), REFUSED),
    Case("a length in other digits", put("Content-Length: ٣\r\n".encode()), REFUSED),
    Case("no length in its header", put(b"Content-Length: \r\n"), REFUSED),
    Case("a length above 64 bits", put(b"Content-Length: 18446744073709551619\r\n"), REFUSED),
    Case("a space before the colon", put(b"Content-Length : 3\r\n"), REFUSED),
    Case("a header by nearly that name", put(b"Content_Length: 3\r\n", body=b""), "PUT /k" + THEN),
    Case(
        "a body without a length", put(), "PUT /k", "PUT /k | 400", "ours says no more behind a request that it serves"
    ),
    Case("a body of a GET", b"GET /k HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "GET /k abc" + THEN),
    Case("less than the length", put(b"Content-Length: 4\r\n"), "cut", cut=True),
    Case("a long body", put(b"Content-Length: 70000\r\n", body=LONG), f"PUT /k {LONG.decode()}{THEN}"),
    Case("less than a long length", put(b"Content-Length: 70000\r\n", body=LONG[1:]), "cut", cut=True),
]

CODING = [
    Case("chunks", CHUNKED + b"3\r\nabc\r\n" + LAST, SERVED),
    Case("chunked in capitals", put(b"TRANSFER-ENCODING: CHUNKED\r\n", body=b"3\r\nabc\r\n" + LAST), SERVED),
    Case("chunked after a tab", put(b"Transfer-Encoding:\tchunked\r\n", body=b"3\r\nabc\r\n" + LAST), SERVED),
    Case("a length and chunks", put(b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", body=LAST), REFUSED),
    Case("chunks and a length", put(b"Transfer-Encoding: chunked\r\n", b"Content-Length: 3\r\n", body=LAST), REFUSED),
    Case("identity", put(b"Transfer-Encoding: identity\r\n"), REFUSED, "cut | 400", LATE),
    Case("identity and a length", put(b"Transfer-Encoding: identity\r\n", b"Content-Length: 3\r\n"), REFUSED),
    Case("chunked twice", put(*[b"Transfer-Encoding: chunked\r\n"] * 2, body=LAST), REFUSED),
    Case("chunked, chunked", put(b"Transfer-Encoding: chunked, chunked\r\n", body=LAST), REFUSED),
    Case("chunked, identity", put(b"Transfer-Encoding: chunked, identity\r\n", body=LAST), REFUSED),
    Case("chunked and a comma", put(b"Transfer-Encoding: chunked,\r\n", body=LAST), REFUSED),
    Case("xchunked", put(b"Transfer-Encoding: xchunked\r\n", body=LAST), REFUSED, "cut | 400", LATE),
    Case("chunked with a parameter", put(b"Transfer-Encoding: chunked;q=1\r\n", body=LAST), REFUSED, "cut | 400", LATE),
    Case("chunked in quotes", put(b'Transfer-Encoding: "chunked"\r\n', body=LAST), REFUSED, "cut | 400", LATE),
    Case("chunked after a vertical tab", put(b"Transfer-Encoding: \x0bchunked\r\n", body=LAST), REFUSED),
    Case("chunked on a folded line", put(b"Transfer-Encoding:\r\n chunked\r\n", body=LAST), REFUSED),
    Case("chunked and a space before the colon", put(b"Transfer-Encoding : chunked\r\n", body=LAST), REFUSED),
    # Both readers agree on where these bodies end; what they are is refused behind the signature, with 501.
    Case("gzip, chunked", put(b"Transfer-Encoding: gzip, chunked\r\n", body=LAST), "PUT /k" + THEN),
    Case(
        "identity and chunked",
        put(b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", body=LAST),
        "PUT /k" + THEN,
    ),
    Case("a comma and chunked", put(b"Transfer-Encoding: , chunked\r\n", body=LAST), "PUT /k" + THEN),
    # "A server [...] MUST treat the message as if the framing is faulty, and close the connection" (RFC 9112, 6.1).
    Case("chunks in HTTP/1.0", CHUNKED.replace(b"1.1", b"1.0") + b"3\r\nabc\r\n" + LAST, "PUT /k abc"),
]

CHUNKS = [
    Case("sizes with zeros before them", CHUNKED + b"0003\r\nabc\r\n" + LAST, SERVED),
    Case("an extension", CHUNKED + b"3;a=b\r\nabc\r\n" + LAST, SERVED),
    Case("an extension in quotes", CHUNKED + b'3;a="b;c"\r\nabc\r\n' + LAST, SERVED),
    Case("an extension that hides a line's end", CHUNKED + b'3;a="\r\n"\r\nabc\r\n' + LAST, REFUSED, "cut | 400", LATE),
    Case("an extension that ends in a bare LF", CHUNKED + b"3;a\nabc\r\n" + LAST, REFUSED, "cut | 400", LATE),
    Case("a size that ends in a bare LF", CHUNKED + b"3\nabc\r\n" + LAST, REFUSED, "cut | 400", LATE),
    Case("a size that ends in a bare CR", CHUNKED + b"3\rabc\r\n" + LAST, REFUSED, "cut | 400", LATE),
    Case("a chunk that ends in a bare LF", CHUNKED + b"3\r\nabc\n" + LAST, REFUSED, "cut | 400", LATE),
    Case("a last chunk that ends in bare LFs", CHUNKED + b"0\n\n", REFUSED, "cut | 400", LATE),
    Case("a chunk longer than its size", CHUNKED + b"3\r\nabcd\r\n" + LAST, REFUSED, "cut | 400", LATE),
    Case("a chunk shorter than its size", CHUNKED + b"4\r\nabc\r\n" + LAST, REFUSED, "cut | 400", LATE),
    Case("a size with a plus", CHUNKED + b"+3\r\nabc\r\n" + LAST, REFUSED, "cut | 400", LATE),
    Case("a size with a minus", CHUNKED + b"-3\r\nabc\r\n" + LAST, REFUSED, "cut | 400", LATE),
    Case("a size with 0x", CHUNKED + b"0x3\r\nabc\r\n" + LAST, REFUSED, "cut | 400", LATE),
    Case("a size with an underscore", CHUNKED + b"0_3\r\nabc\r\n" + LAST, REFUSED, "cut | 400", LATE),
    Case("a size with a space before it", CHUNKED + b" 3\r\nabc\r\n" + LAST, REFUSED, "cut | 400", LATE),
    Case("a size with a space after it", CHUNKED + b"3 \r\nabc\r\n" + LAST, REFUSED, "cut | 400", LATE),
    Case("no size", CHUNKED + b"\r\nabc\r\n" + LAST, REFUSED, "cut | 400", LATE),
    Case("a size above 64 bits", CHUNKED + b"10000000000000003\r\nabc\r\n" + LAST, REFUSED, "cut | 400", LATE),
    Case("a trailer", CHUNKED + b"3\r\nabc\r\n0\r\nx-a: b\r\n\r\n", SERVED),
    Case("a trailer with a bare LF", CHUNKED + b"3\r\nabc\r\n0\r\nx-a: b\n\r\n", REFUSED, "cut | 400", LATE),
    Case("a length as a trailer", CHUNKED + b"3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n", REFUSED, "cut | 400", LATE),
    Case(
        "a coding as a trailer",
        CHUNKED + b"3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
        REFUSED,
        "cut | 400",
        LATE,
    ),
    Case("a trailer that is cut off", CHUNKED + b"3\r\nabc\r\n0\r\nx-a: b", "cut", cut=True),
    Case("no last chunk", CHUNKED + b"3\r\nabc\r\n", "cut", cut=True),
]

LINES = [
    Case("bare LFs", b"GET /k HTTP/1.1\nHost: x\n\n", REFUSED),
    Case("a header that ends in a bare LF", PUT + b"x-a: b\nContent-Length: 3\r\n\r\nabc", REFUSED),
    Case("a header that ends in a bare CR", PUT + b"x-a: b\rContent-Length: 3\r\n\r\nabc", REFUSED),
    Case("a head that ends in a bare LF", PUT + b"Content-Length: 3\r\n\nabc", REFUSED),
    Case("a folded header", put(b"x-a: b\r\n c\r\n", b"Content-Length: 3\r\n"), REFUSED),
    Case("a first header after a space", b"PUT /k HTTP/1.1\r\n Host: x\r\n\r\n", REFUSED),
    Case("a NUL", put(b"x-a: \0\r\n", b"Content-Length: 3\r\n"), REFUSED),
    Case("a header without a name", put(b": b\r\n", b"Content-Length: 3\r\n"), REFUSED),
    Case("a header without a colon", put(b"x-a\r\n", b"Content-Length: 3\r\n"), REFUSED),
    Case("a name of two words", put(b"x a: b\r\n", b"Content-Length: 3\r\n"), REFUSED),
    Case("two of a header", put(b"x-a: b\r\n", b"x-a: c\r\n", b"Content-Length: 3\r\n"), SERVED),
    Case("line ends before the request", b"\r\n\r\n" + put(b"Content-Length: 3\r\n"), SERVED),
    Case("tabs in the first line", b"GET\t/k\tHTTP/1.1\r\nHost: x\r\n\r\n", REFUSED),
    Case("a method in small letters", b"get /k HTTP/1.1\r\nHost: x\r\n\r\n", REFUSED),
    Case("a control character in the target", b"GET /k\x01 HTTP/1.1\r\nHost: x\r\n\r\n", REFUSED),
    Case("a space in the target", b"GET /k k HTTP/1.1\r\nHost: x\r\n\r\n", REFUSED),
    Case("HTTP/1.10", b"GET /k HTTP/1.10\r\nHost: x\r\n\r\n", REFUSED),
    Case("http/1.1", b"GET /k http/1.1\r\nHost: x\r\n\r\n", REFUSED),
    Case("something behind the last request", AFTER + AFTER, "GET /after"),
    Case(
        "another protocol that is offered",
        put(b"Upgrade: h2c\r\n", b"Connection: Upgrade\r\n", b"Content-Length: 3\r\n"),
        SERVED,
        "PUT /k",
        "it reads no body behind an offer, and nothing more",
    ),
]

HOSTS = [
    Case("no Host", b"GET /k HTTP/1.1\r\n\r\n", REFUSED, "GET /k" + THEN, "it leaves Host to the application"),
    Case(
        "two Hosts",
        b"GET /k HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        REFUSED,
        "GET /k" + THEN,
        "it leaves Host to the application",
    ),
    Case(
        "another authority",
        b"GET http://y/k HTTP/1.1\r\nHost: x\r\n\r\n",
        REFUSED,
        "GET /k" + THEN,
        "it leaves Host to the application",
    ),
    Case(
        "a fragment",
        b"GET /k#f HTTP/1.1\r\nHost: x\r\n\r\n",
        REFUSED,
        "GET /k" + THEN,
        "it drops what a proxy may have passed on as part of the path",
    ),
    Case("HTTP/0.9", b"GET /k\r\n\r\n", REFUSED, "GET /k", "it takes any version that the parser knows"),
    Case(
        "HTTP/2.0",
        b"GET /k HTTP/2.0\r\nHost: x\r\n\r\n",
        REFUSED,
        "GET /k",
        "it takes any version that the parser knows",
    ),
]

CASES = [*LENGTH, *CODING, *CHUNKS, *LINES, *HOSTS]
