"""CORS rules, compiled: which rule allows a request, and the headers that tell a browser so.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html.  Where the guide is silent, this follows
recorded answers of S3: names of headers match in any case and are answered in lower case,
`Access-Control-Allow-Methods` lists all methods of the rule, and credentials are allowed unless the rule allows every
origin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from shim.protocol.headers import safe

METHODS: Final = ("GET", "PUT", "POST", "DELETE", "HEAD")
# More requested headers than this match no rule.  Browsers request the few that a page has set itself.
MOST_NAMES: Final = 100
_VARY: Final = ("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")


class Patterns(NamedTuple):
    """Texts of which each may contain one `*`: `exact` has none, `wild` are the prefixes with their suffixes."""

    exact: frozenset[str]
    wild: tuple[tuple[str, tuple[str, ...]], ...]

    def match(self, text: str) -> bool:
        """Tell whether a pattern matches the whole text; `*` stands for any characters, or for none."""
        return text in self.exact or any(
            text.startswith(prefix) and text.endswith(suffixes, len(prefix)) for prefix, suffixes in self.wild
        )


class Rule(NamedTuple):
    """One rule.  The answer's headers that do not depend on the request are ready in `always`."""

    origins: Patterns
    methods: frozenset[str]
    headers: Patterns
    any_origin: bool
    always: tuple[tuple[str, str], ...]

    def allows(self, origin: str, method: str, names: Iterable[str]) -> bool:
        """Tell whether the rule allows a request; `names` are the requested headers in lower case."""
        return method in self.methods and self.origins.match(origin) and all(map(self.headers.match, names))

    def answer(self, origin: str, names: Sequence[str]) -> list[tuple[str, str]]:
        """Return the headers of the answer to a request that the rule allows."""
        headers = [("Access-Control-Allow-Origin", "*" if self.any_origin else safe(origin))]
        if names:
            headers.append(("Access-Control-Allow-Headers", safe(", ".join(names))))
        if not self.any_origin:
            headers.append(("Access-Control-Allow-Credentials", "true"))
        return [*headers, *self.always]


def patterns(texts: Iterable[str]) -> Patterns:
    """Compile patterns."""
    exact, wild = set[str](), dict[str, list[str]]()
    for text in texts:
        prefix, star, suffix = text.partition("*")
        if star:
            wild.setdefault(prefix, []).append(suffix)
        else:
            exact.add(text)
    return Patterns(frozenset(exact), tuple((prefix, tuple(suffixes)) for prefix, suffixes in wild.items()))


def rule(kept: Mapping[str, Any]) -> Rule:
    """Compile a rule of a bucket's configuration."""
    always = [("Access-Control-Allow-Methods", ", ".join(kept["AllowedMethods"]))]
    if exposed := kept.get("ExposeHeaders"):
        always.append(("Access-Control-Expose-Headers", safe(", ".join(exposed))))
    if (age := kept.get("MaxAgeSeconds")) is not None:
        always.append(("Access-Control-Max-Age", str(int(age))))
    return Rule(
        patterns(kept["AllowedOrigins"]),
        frozenset(kept["AllowedMethods"]),
        patterns(name.lower() for name in kept.get("AllowedHeaders") or ()),
        "*" in kept["AllowedOrigins"],
        (*always, _VARY),
    )


def requested(header: str) -> list[str]:
    """Return the names in an `Access-Control-Request-Headers`, in lower case."""
    names = (name.strip().lower() for name in header.split(","))
    return list(dict.fromkeys(name for name in names if name))


def allowed(rules: Iterable[Rule], origin: str, method: str, names: Sequence[str]) -> list[tuple[str, str]] | None:
    """Return the headers that the first rule that allows a request gives to its answer; None where none allows it."""
    if len(names) > MOST_NAMES:
        return None
    found = next((one for one in rules if one.allows(origin, method, names)), None)
    return found.answer(origin, names) if found else None


def work(rules: Iterable[Rule], names: Sequence[str]) -> int:
    """Return how many patterns with `*` are compared with requested headers at most."""
    return min(len(names), MOST_NAMES) * sum(len(one.headers.wild) for one in rules)
