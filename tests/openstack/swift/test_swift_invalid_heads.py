"""Invalid HTTP heads, which Swift sends if its users have stored such headers."""

import pytest
import uvloop

from adapters.openstack.swift import headers
from adapters.openstack.swift.wire import LostError
from tests.openstack.scripted import OK, Script, says, swift

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nLast-Modified: Mon, 23 Nov 2026 08:59:59 GMT\r\n"
PLAIN = {"content-length": "2", "last-modified": "Mon, 23 Nov 2026 08:59:59 GMT"}


def answered(head: bytes) -> dict[str, str]:
    """Return the headers of an answer with this head; the next request on its connection must succeed too."""

    async def run() -> dict[str, str]:
        script = Script(says(head + b"\r\nok"), says(OK))
        async with swift(script) as ask:
            answer = await ask()
            assert (answer.status, await answer.read()) == (200, b"ok")
            assert await (await ask()).read() == b"ok"
        assert script.connections == 1
        return dict(answer.headers)

    return uvloop.run(run())


CONTROLS = [bytes([code]) for code in (*range(32), 127) if code not in b"\t\r\n"]


@pytest.mark.parametrize("control", [b"\0", b"\x01", b"\x1f", b"\x7f", b"\x0b", b"\x1b"])
def test_values_with_control_characters(control: bytes) -> None:
    lines = b"Content-Type: a/%bb\r\nX-Object-Meta-A: a%bb\r\nX-Object-Meta-B: \xc3\xa9\r\n" % (control, control)
    found = answered(HEAD + lines)
    assert found == PLAIN | {"content-type": "a/b", "x-object-meta-b": "é", headers.UNREADABLE: "1"}
    stored = headers.stored(found)
    assert (stored.metadata, stored.unreadable, stored.size) == ({"b": "é"}, 1, 2)


@pytest.mark.parametrize(
    "name", [b"A=B", b"A B", b"A\x01B", b"\xc3\xa9", b"A@B", b"A(B", b'A"B', b"A,B", b"A\x7f", b"\xff"]
)
def test_names_that_are_no_tokens(name: bytes) -> None:
    found = answered(HEAD + b"X-Object-Meta-%b: 1\r\nX-Object-Meta-B: 2\r\n" % name)
    assert found == PLAIN | {"x-object-meta-b": "2", headers.UNREADABLE: "1"}


def test_underscores_as_swifts_s3_middleware_writes_them() -> None:
    found = answered(HEAD + b"X-Object-Meta-A=5Fb: 1\r\nX-Object-Meta-A=5fb: 2\r\n")
    assert found == PLAIN | {"x-object-meta-a%5fb": "1"}
    assert headers.stored(found).metadata == {"a_b": "1"}


@pytest.mark.parametrize(
    "lines",
    [
        b"X: \x01\nContent-Length: 0\r\n",
        b"X: \x01\r\nContent-Length: 1\r\n",
        b"X: \x01\r\nTransfer-Encoding: chunked\r\n",
        b"X: \x01\r\nContent-Length: 2\x01\r\n",
    ],
)
def test_where_an_answer_ends_is_still_read_strictly(lines: bytes) -> None:
    async def run() -> None:
        async with swift(Script(says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + lines + b"\r\nok"))) as ask:
            if b"\n" in lines[:-2].replace(b"\r\n", b""):
                assert await (await ask()).read() == b"ok"  # a line feed alone does not end a line
            else:
                with pytest.raises(LostError):
                    await ask()

    uvloop.run(run())
