"""Patterns: a policy's texts with wildcards and variables, matched in time linear in the length of the text.

`*` stands for any characters and `?` for one.  `${aws:username}` stands for the value of that key in the request, and
`${aws:username, 'nobody'}` for a default where the request has none.  `${*}`, `${?}` and `${$}` are the characters
themselves.  The value of a variable is never a wildcard.  Policies of version 2008-10-17 have no variables.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from shim.authz.keys import normal
from shim.globs import Globs, Token, grouped

# The request's values by key (`keys.normal`).  None: the gateway cannot know the key's value.
Context = Mapping[str, tuple[str, ...] | None]
Tokens = tuple[Token, ...]

_VARIABLE: Final = re.compile(r"\$\{([^{}]{0,512})\}")


class Variable:
    """A variable of a policy: the key whose value it stands for, and its default, which may be missing."""

    __slots__ = ("default", "key")

    def __init__(self, text: str) -> None:
        key, _, rest = text.partition(",")
        opening, *default = rest.strip().split("'")
        has_default = not opening and len(default) == 2 and not default[1]  # ${key, 'default'}
        self.key = normal(key.strip() if has_default else text)
        self.default = default[0] if has_default else None

    def value(self, context: Context) -> str | None:
        """Return the value in a request; None if there is none, if there are several, or if it cannot be known."""
        values = context.get(self.key, ())
        if not values:
            return None if values is None else self.default
        return values[0] if len(values) == 1 else None


class Pattern:
    """One text of a policy."""

    __slots__ = ("_parts", "_tokens", "literal", "text")

    def __init__(self, text: str, *, wild: bool = True, variables: bool = True) -> None:
        self.text = text
        self._parts = tuple(_parts(text, wild, variables))
        found = tuple(_joined(self._parts, {}) or ())
        # None if the pattern has variables, as its tokens are then different for each request.
        self._tokens: Tokens | None = None if self.variables else found
        plain = self._tokens is not None and not any(special for special, _ in self._tokens)
        self.literal = "".join(character for _, character in found) if plain else None

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return the pattern's variables."""
        return tuple(part for part in self._parts if isinstance(part, Variable))

    def tokens(self, context: Context) -> Tokens | None:
        """Return the pattern's tokens for a request; None if a variable has no value there."""
        if self._tokens is not None:
            return self._tokens
        found = _joined(self._parts, context)
        return None if found is None else tuple(found)

    def value(self, context: Context) -> str | None:
        """Return the text of a pattern without wildcards for a request; None if a variable has no value there."""
        found = self.tokens(context)
        return None if found is None else "".join(character for _, character in found)

    def __repr__(self) -> str:
        """Show the text."""
        return f"Pattern({self.text!r})"


class Patterns:
    """Some patterns, of which one has to match."""

    __slots__ = ("_globs", "_literals", "_varying", "all")

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self.all = tuple(patterns)
        self._literals = frozenset(one.literal for one in self.all if one.literal is not None)
        self._varying = tuple(one for one in self.all if one.variables)
        fixed = [one.tokens({}) or () for one in self.all if one.literal is None and not one.variables]
        self._globs = grouped(fixed, iter)

    def match(self, text: str, context: Context) -> bool:
        """Tell whether one pattern matches a whole text; a pattern with a variable without a value matches nothing."""
        if text in self._literals or any(automaton.matches(text) for automaton in self._globs):
            return True
        return any(_matches(one.tokens(context), text) for one in self._varying)

    def unresolved(self, context: Context) -> bool:
        """Tell whether a pattern has a variable without a value."""
        return any(one.tokens(context) is None for one in self._varying)

    def unknown(self, context: Context) -> str:
        """Return the key of a variable whose value the gateway cannot know; '' if there is none."""
        keys = (variable.key for one in self._varying for variable in one.variables)
        return next((key for key in keys if context.get(key, ()) is None), "")

    def cost(self, text: str) -> int:
        """Estimate the cost of `match` in characters read."""
        return len(text) * (len(self._globs) + len(self._varying)) + sum(len(one.text) for one in self._varying)


def _matches(tokens: Tokens | None, text: str) -> bool:
    return tokens is not None and Globs([tokens], iter).matches(text)


def _parts(text: str, wild: bool, variables: bool) -> Iterator[Tokens | Variable]:
    """Yield a text's tokens and variables."""
    place = 0
    for found in _VARIABLE.finditer(text) if variables else ():
        yield _plain(text[place : found.start()], wild)
        yield ((False, found[1]),) if found[1] in ("*", "?", "$") else Variable(found[1])
        place = found.end()
    yield _plain(text[place:], wild)


def _plain(text: str, wild: bool) -> Tokens:
    return tuple((wild and character in "*?", character) for character in text)


def _joined(parts: Iterable[Tokens | Variable], context: Context) -> list[Token] | None:
    tokens: list[Token] = []
    for part in parts:
        if isinstance(part, Variable):
            value = part.value(context)
            if value is None:
                return None
            tokens += [(False, character) for character in value]
        else:
            tokens += part
    return tokens
