"""Wildcards match as equivalent regular expressions do on small texts, and take linear time on any text."""

import re
import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shim.globs import Globs, grouped

patterns = st.text(alphabet="ab*?\\", max_size=8)
words = st.text(alphabet="ab*?\\\n", max_size=8)
HOSTILE = ["*a" * 127 + "b", "*" * 254 + "b", "a*" * 127 + "b", "?*" * 127 + "b", "*a?" * 84 + "b", "\\a*" * 85]


def expected(pattern: str, word: str) -> bool:
    """Match as a regular expression does."""
    written = re.sub(r"(\\.?)|(\*)|(\?)|(.)", _written, pattern, flags=re.DOTALL)
    return re.fullmatch(written, word, re.DOTALL) is not None


def _written(found: re.Match[str]) -> str:
    if found[1]:
        return re.escape(found[1][1:] or "\\")
    return ".*" if found[2] else "." if found[3] else re.escape(found[4])


@given(patterns, words)
@example("\\", "\\")
@example("*", "")
@example("", "")
@example("a\\*", "a*")
def test_one_pattern(pattern: str, word: str) -> None:
    assert Globs([pattern]).matches(word) is expected(pattern, word)


@given(st.lists(patterns, min_size=1, max_size=6), words)
@example(["a", "b"], "ab")
@example(["a", ""], "a")
def test_several_patterns_do_not_lead_into_each_other(several: list[str], word: str) -> None:
    assert Globs(several).matches(word) is any(expected(one, word) for one in several)


@given(st.lists(st.text(max_size=300), max_size=9))
def test_groups_hold_every_pattern(several: list[str]) -> None:
    escaped = [re.sub(r"([*?\\])", r"\\\1", one) for one in several]
    automata = grouped(escaped)
    assert all(any(automaton.matches(one) for automaton in automata) for one in several)
    assert not any(automaton.matches("\0" * 301) for automaton in automata)


def moves(pattern: str, word: str) -> int:
    """Count the bytecodes of a match."""
    automaton, count = Globs([pattern]), 0
    automaton.matches("")  # builds it

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        automaton.matches(word)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("pattern", HOSTILE)
def test_nothing_is_tried_twice(pattern: str) -> None:
    plain = moves("?" * 254 + "b", "a" * 255)
    assert moves(pattern, "a" * 255) <= plain + 10
    assert moves(pattern, "a" * 2550) <= 10 * (plain + 10)


def test_many_different_characters_are_kept_in_small_pieces() -> None:
    letters = "".join(chr(0x4E00 + place) for place in range(200 * 254))
    automata = grouped(f"{letters[place : place + 254]}*" for place in range(0, len(letters), 254))
    assert sum(one.matches(letters[-254:]) for one in automata) == 1
    assert max(state.bit_length() for one in automata for state in one._moves.values()) <= 512
