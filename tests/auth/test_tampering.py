"""A request that was changed where its signature covers it is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shim.auth import parse_signature
from tests.auth.signing import (
    SIGNERS,
    check,
    refusal,
    signed,
    with_header,
    with_query,
)

TAMPERINGS = {
    "method": lambda head: replace(head, method="PUT"),
    "path": lambda head: replace(head, raw_path=b"/b/other"),
    "slash in path": lambda head: replace(head, raw_path=b"/b//k"),
    "signature": None,
    "header": lambda head: with_header(head, "x-amz-meta-a", "2"),
    "missing header": lambda head: with_header(head, "x-amz-meta-a", None),
    "header twice": lambda head: replace(head, headers=(*head.headers, ("x-amz-meta-a", "1"))),
    "sub-resource": lambda head: with_query(head, "acl", ""),
    "sub-resource in disguise": lambda head: replace(head, raw_query=(head.raw_query + b"&%75ploads").lstrip(b"&")),
    # Presigning clients move such headers to the query, so they count there too.
    "header in query": lambda head: with_query(head, "x-amz-copy-source", "/b/secret"),
}


@pytest.mark.parametrize("what", sorted(TAMPERINGS))
@pytest.mark.parametrize("how", sorted(SIGNERS))
def test_tampering(how: str, what: str) -> None:
    head = signed(how, headers={"x-amz-meta-a": "1"})
    found = parse_signature(head)
    assert found is not None
    tamper = TAMPERINGS[what]
    if tamper is None:
        forged = found.value[:-2] + ("0=" if found.value[-2:] != "0=" else "1=")
        if found.presigned:
            bad = with_query(head, "X-Amz-Signature" if how == "v4-query" else "Signature", forged.replace("=", "%3D"))
        else:
            bad = with_header(head, "authorization", head.header("authorization").replace(found.value, forged))
    else:
        bad = tamper(head)
    if how == "v2-query" and what == "missing header":
        # botocore puts x-amz-* into a presigned URL's query as well, and there they are signed too.
        check(bad)
        return
    check(head)
    assert refusal(bad).code == "SignatureDoesNotMatch"


@given(data=st.data())
def test_random_tampering_is_never_believed(data: st.DataObject) -> None:
    how = data.draw(st.sampled_from(["v4-header", "v4-query"]))
    head = signed(how, "PUT", "http://s3.test:8788/b/k?acl&versionId=7", headers={"x-amz-meta-a": "1"})
    changed = data.draw(st.sampled_from(["path", "query", "header"]))
    if changed == "path":
        other = replace(head, raw_path=b"/" + data.draw(st.binary(max_size=8)).replace(b"?", b""))
        assume(unquote_to_bytes(other.raw_path) != head.raw_path)
    elif changed == "query":
        at = data.draw(st.integers(0, len(head.raw_query)))
        cut = data.draw(st.integers(at, len(head.raw_query)))
        other = replace(head, raw_query=head.raw_query[:at] + data.draw(st.binary(max_size=4)) + head.raw_query[cut:])
        assume(sorted(other.query) != sorted(head.query))
    else:
        index = data.draw(st.sampled_from([i for i, (name, _) in enumerate(head.headers) if name != "date"]))
        name, value = head.headers[index]
        text = data.draw(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12))
        assume(text not in {value, "s3.test:8788:8788"})
        other = replace(head, headers=(*head.headers[:index], (name, text), *head.headers[index + 1 :]))
    assert 400 <= refusal(other).status < 500


def test_a_wrong_signature_costs_little_more_than_a_right_one() -> None:
    # Whoever knows an access key, which each presigned URL tells, can send any number of them.
    query = "&".join(f"+={number}" for number in range(5000))
    head = signed("v4-header", url=f"http://s3.test:8788/b/k?{query}", headers={"x-amz-meta-a": "a  b"})
    wrong = replace(head, method="PUT")

    assert calls(lambda: refusal(wrong)) < 1.5 * calls(lambda: check(head))


def calls(work: Callable[[], object]) -> int:
    """Return how many functions run, which unlike the time they take is the same on a busy machine."""
    number = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal number
        number += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return number
