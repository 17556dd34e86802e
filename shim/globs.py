r"""Match patterns with wildcards in time linear in the length of the text.

`*` stands for any characters, `?` for one, `\` takes the next character literally; a last lone backslash is itself.
Patterns that are written in another way come with a function that reads their tokens.

Several patterns are one automaton, whose set of states is one integer (Shift-And: R. Baeza-Yates and G. Gonnet, "A new
approach to text searching", CACM 35, 1992).  State n of a pattern means that the text so far can be read as its first
n characters; a state before a `*` keeps itself alive.  Each character of the text moves all states at once by a shift,
an `and` and an `or`, without backtracking: n characters take n moves, whatever the patterns are.  (A regular
expression tries `*a*a*a*b` in exponentially many ways.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

Token = tuple[bool, str]  # whether the character is a wildcard, and the character
Read = Callable[[Any], Iterable[Token]]  # pattern → its tokens

# The size of the integer that an automaton keeps for each distinct character of its patterns.
_MOST_BITS = 512
_BUILDING = 4  # cost of building one character of a pattern, in moves


def special(pattern: str) -> bool:
    """Tell whether a pattern has a wildcard or an escape."""
    return "*" in pattern or "?" in pattern or "\\" in pattern


def grouped(patterns: Iterable[Sequence[Any]], read: Read | None = None) -> tuple[Globs, ...]:
    """Make few automata of some patterns, each within `_MOST_BITS` unless a single pattern is longer."""
    groups: list[list[Sequence[Any]]] = []
    bits = _MOST_BITS
    for pattern in patterns:
        bits += len(pattern) + 1
        if bits > _MOST_BITS:
            groups.append([])
            bits = len(pattern) + 1
        groups[-1].append(pattern)
    return tuple(Globs(group, read) for group in groups)


class Globs:
    """An automaton that tells whether a text matches one of some patterns.

    It is built at first use: a request may have thousands of patterns, and a refused request uses none of them.
    """

    __slots__ = ("_accept", "_any", "_bits", "_keep", "_moves", "_patterns", "_read", "_start")

    def __init__(self, patterns: Iterable[Sequence[Any]], read: Read | None = None) -> None:
        self._moves: dict[str, int] = {}  # character → the states that it leads to
        self._any = self._keep = self._start = self._accept = 0
        self._bits = 0
        self._patterns = tuple(patterns)  # not built yet
        self._read: Read = read or tokens

    def cost(self, text: str) -> int:
        """Return the cost, in moves, of matching a text, and of building the automaton if it is not built yet."""
        return len(text) + _BUILDING * sum(map(len, self._patterns))

    def _build(self) -> None:
        for pattern in self._patterns:
            self._add(pattern)
        for character in self._moves:
            self._moves[character] |= self._any
        self._patterns = ()

    def _add(self, pattern: Sequence[Any]) -> None:
        """Append the states of one pattern."""
        state = 1 << self._bits
        self._start |= state
        for wildcard, character in self._read(pattern):
            if wildcard and character == "*":
                self._keep |= state
                continue
            state <<= 1
            if wildcard:
                self._any |= state
            else:
                self._moves[character] = self._moves.get(character, 0) | state
        self._accept |= state
        self._bits = state.bit_length()

    def matches(self, text: str) -> bool:
        """Tell whether a whole text matches."""
        if self._patterns:
            self._build()
        moves, other, keep, states = self._moves, self._any, self._keep, self._start
        for character in text:
            states = ((states << 1) & moves.get(character, other)) | (states & keep)
            if not states:
                return False
        return bool(states & self._accept)


def tokens(pattern: str) -> Iterator[Token]:
    """Yield each character of a pattern with whether it is a wildcard."""
    characters = iter(pattern)
    for character in characters:
        if character == "\\":
            yield False, next(characters, "\\")
        else:
            yield character in "*?", character
