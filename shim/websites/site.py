"""A bucket's website configuration, compiled: which requests are redirected, and where to.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-page-redirect.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

# Characters that stay in a path (RFC 3986, 3.3), and those that a rule's own text may use for a query or a fragment:
# `#!/` is a usual ReplaceKeyPrefixWith.
_PATH: Final = "/!$&'()*+,;=:@~"
_OWN_TEXT: Final = _PATH + "?#%"
_MOVED: Final = 301


class Visit(NamedTuple):
    """A request to a website: the encoded path and the key in it, the query, and the site's own scheme and host."""

    path: bytes
    key: str
    query: str
    scheme: str
    host: str


class Redirection(NamedTuple):
    """Where a rule redirects to; '' and None stand for what stays as it is in the request."""

    scheme: str
    host: str
    status: int
    key: str | None = None  # instead of the whole key
    prefix: str | None = None  # instead of the rule's prefix

    def location(self, visit: Visit, prefix: str = "") -> str:
        """Return the URL for a request whose key begins with `prefix`."""
        if self.key is not None:
            path = _quoted(self.key, _OWN_TEXT)
        elif self.prefix is not None:
            path = _quoted(self.prefix, _OWN_TEXT) + _quoted(visit.key[len(prefix) :], _PATH)
        else:
            path = visit.path.decode("latin-1").removeprefix("/")
        query = f"?{visit.query}" if visit.query and not {"?", "#"} & set(path) else ""
        return f"{self.scheme or visit.scheme}://{self.host or visit.host}/{path}{query}"


class Rule(NamedTuple):
    """A routing rule: for keys that begin with `prefix`, always or only after an error with the status `code`."""

    prefix: str
    code: str
    to: Redirection

    def location(self, visit: Visit) -> str:
        """Return the URL to which the rule redirects a request."""
        return self.to.location(visit, self.prefix)


class Site(NamedTuple):
    """A website: where all its requests go, if elsewhere, or the suffix of its index documents, its error document and
    its rules.
    """

    everything: Redirection | None
    suffix: str
    error_document: str
    rules: tuple[Rule, ...]

    def rule(self, key: str, code: str = "") -> Rule | None:
        """Return the first rule for a key: without a code one that always holds, else one for that error."""
        return next((rule for rule in self.rules if rule.code == code and key.startswith(rule.prefix)), None)


def compiled(kept: Mapping[str, Any]) -> Site:
    """Return the website of a configuration; raise KeyError, TypeError, ValueError or AttributeError for none."""
    every = kept.get("RedirectAllRequestsTo")
    return Site(
        _redirection(every) if every else None,
        "" if every else str(kept["IndexDocument"]["Suffix"]),
        str((kept.get("ErrorDocument") or {}).get("Key") or ""),
        tuple(map(_rule, kept.get("RoutingRules") or ())),
    )


def _quoted(text: str, safe: str) -> str:
    return quote(text, safe=safe, errors="replace")  # a document that Swift's users changed may hold half characters


def _rule(kept: Mapping[str, Any]) -> Rule:
    condition = kept.get("Condition") or {}
    prefix, code = condition.get("KeyPrefixEquals") or "", condition.get("HttpErrorCodeReturnedEquals") or ""
    return Rule(str(prefix), str(code), _redirection(kept["Redirect"]))


def _redirection(kept: Mapping[str, Any]) -> Redirection:
    return Redirection(
        str(kept.get("Protocol") or ""),
        str(kept.get("HostName") or ""),
        int(kept.get("HttpRedirectCode") or _MOVED),
        kept.get("ReplaceKeyWith"),
        kept.get("ReplaceKeyPrefixWith"),
    )
