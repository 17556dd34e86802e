"""Heads as they came in: what is read of them once, for every later step."""

from __future__ import annotations

import time
from dataclasses import replace
from urllib.parse import unquote_to_bytes

from hypothesis import given
from hypothesis import strategies as st

from shim.protocol.headers import split_list
from shim.protocol.message import Head, decode_pairs

PIECES = st.lists(
    st.sampled_from(b"%2F %2f %3B % 2 F & = + %2B %26 %3D %25 a ; \xe2 \x82 \xac \xff %E2 %82%AC \0".split(b" "))
).map(b"".join)


@given(PIECES)
def test_pairs_are_decoded_one_by_one(raw: bytes) -> None:
    def text(part: bytes) -> str:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8", "surrogateescape")

    parted = [piece.partition(b"=") for piece in raw.split(b"&") if piece]
    assert decode_pairs(raw) == tuple((text(name), text(value)) for name, _, value in parted)


def test_a_repeated_header_is_joined_without_the_white_space_around_its_values() -> None:
    head = Head("GET", b"/", b"", (("a", " 1 "), ("b", " 2 "), ("a", "3\t"), ("a", "")))
    assert head.first == {"a": "1,3,", "b": " 2 "}
    assert head.header("b") == " 2 "
    assert head.header("c", "none") == "none"


def test_what_is_read_of_a_head_follows_its_replacement() -> None:
    head = Head("GET", b"/", b"a=1&b&a=2", ())
    assert head.query == (("a", "1"), ("b", ""), ("a", "2"))
    assert head.values == {"a": "2", "b": ""}
    other = replace(head, raw_query=b"", headers=(("host", "h"),))
    assert (other.query, set(other.query_names), other.first) == ((), set(), {"host": "h"})


def test_a_headers_list_is_parted_at_its_commas() -> None:
    assert split_list(' a , "b, \\"c\\"" ,, d " e,"f') == ["a", 'b, "c"', "", 'd " e', '"f']


def test_no_headers_list_takes_long_to_part() -> None:
    started = time.process_time()
    assert split_list(f"a{' ' * 60_000}b") == [f"a{' ' * 60_000}b"]  # it took most of a minute
    assert len(split_list('"a,' * 20_000)) == 20_000
    assert time.process_time() - started < 2
