"""AWS's own test suite for Signature Version 4, as botocore's source distribution carries it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from shim.auth import parse_signature
from shim.auth.sigv4 import canonical_request, string_to_sign
from shim.protocol.message import Head
from tests.auth.signing import SECRET, check_signature, refusal

ROOT = Path(__file__).parents[2]
SUITE = ROOT / ".vectors" / "aws4_testsuite"
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
KNOWN = {"service": "service", "regions": frozenset({"us-east-1"}), "now": NOW}

# Cases with a session token.  We have issued none, so no such request may pass; what is signed has to be right all the
# same.  In the last one the token joined the request after signing.
TOKENS = {
    "get-vanilla-with-session-token",
    "post-sts-token/post-sts-header-before",
    "post-sts-token/post-sts-header-after",
}
CASES = sorted(str(at.parent.relative_to(SUITE)) for at in SUITE.rglob("*.req"))


@dataclass(frozen=True)
class Case:
    signed: Head
    body: bytes
    canonical: bytes
    to_sign: bytes


def load(name: str) -> Case:
    at = SUITE / name / Path(name).name
    texts = {
        kind: at.with_name(f"{at.name}.{kind}").read_bytes().replace(b"\r", b"") for kind in ("sreq", "creq", "sts")
    }
    top, _, body = texts["sreq"].partition(b"\n\n")
    line, *lines = re.sub(rb"\n[ \t]+", b" ", top).split(b"\n")  # RFC 7230, 3.2.4: obsolete line folding
    method, target = line.removesuffix(b" HTTP/1.1").split(b" ", 1)
    path, _, query = target.partition(b"?")
    headers = []
    for text in lines:
        name_, _, value = text.decode("latin-1").partition(":")
        headers.append((name_.lower(), value.strip(" ")))
    return Case(Head(method.decode(), path, query, tuple(headers)), body, texts["creq"], texts["sts"])


def test_suite_is_whole() -> None:
    assert len(CASES) == 34, "`make vectors` fetches AWS's suite"


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    case = load(name)
    found = parse_signature(case.signed)
    assert found is not None
    digest = sha256(case.body).hexdigest()
    canonical = canonical_request(found, case.signed, "service", digest)
    assert canonical == case.canonical
    assert string_to_sign(found, canonical) == case.to_sign
    if name in TOKENS:
        assert refusal(case.signed, payload_hash=digest, **KNOWN).code == "InvalidClientTokenId"
    else:
        assert check_signature(found, case.signed, secret=SECRET, payload_hash=digest, **KNOWN)
