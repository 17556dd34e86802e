"""A bucket's policy: the checked and compiled form of its document.

Texts are compared with the sizes of AWS first, so that no document costs more than its 20 KB.  The sentences of
MalformedPolicy are AWS's.  https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from shim.authz.conditions import Condition, InvalidValueError, condition
from shim.authz.keys import is_known, normal
from shim.authz.patterns import Pattern, Patterns
from shim.authz.principals import Principals, principals
from shim.authz.s3_actions import ON_BUCKETS, ON_OBJECTS
from shim.errors import AwsError
from shim.globs import Globs

MOST_BYTES: Final = 20 << 10  # "Bucket policies are limited to 20 KB in size" (User Guide)
WITH_VARIABLES: Final = "2012-10-17"
_VERSIONS: Final = frozenset({"2008-10-17", WITH_VARIABLES})
_DEEPEST: Final = 12
_MOST_WILD_ACTIONS: Final = 100  # different ones in one statement: as many as S3 has actions
_ACTIONS: Final = ON_OBJECTS | ON_BUCKETS
_ARN: Final = "arn:aws:s3:::"
_NOT_JSON: Final = "Policies must be valid JSON and the first byte must be '{'"
_SYNTAX: Final = "Invalid policy syntax."
_MEMBERS: Final = frozenset({"Version", "Id", "Statement"})
_ELEMENTS: Final = frozenset(
    ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; of each pair with a `not_` the policy has one, as the flag says."""

    name: str  # for explanations: its Sid, or its place
    allows: bool
    principals: Principals
    not_principals: bool
    actions: Patterns  # in lower case
    not_actions: bool
    resources: Patterns
    not_resources: bool
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy whose document is valid; `keys` are the condition keys that it looks at."""

    statements: tuple[Statement, ...]
    keys: frozenset[str]


def malformed(message: str) -> AwsError:
    """Return AWS's error for a policy that is not valid."""
    return AwsError("MalformedPolicy", message, 400)


def parsed(text: str, bucket: str) -> Policy:
    """Check and compile the policy of a bucket; raise MalformedPolicy, or PolicyTooLarge."""
    if len(text) > MOST_BYTES or len(text.encode("utf-8", "surrogateescape")) > MOST_BYTES:
        raise AwsError("PolicyTooLarge", "Policy exceeds the maximum allowed document size.", 400)
    document = _document(text)
    _only(document, _MEMBERS)
    version = document.get("Version", "2008-10-17")
    if version not in _VERSIONS:
        raise malformed("The policy must contain a valid version string")
    if not isinstance(document.get("Id", ""), str):
        raise malformed(_SYNTAX)
    if "Statement" not in document:
        raise malformed("Missing required field Statement")
    told = document["Statement"]
    listed = told if isinstance(told, list) else [told]
    if not listed:
        raise malformed("Could not parse the policy: Statement is empty!")
    variables = version == WITH_VARIABLES
    statements = tuple(_statement(one, place, bucket, variables) for place, one in enumerate(listed, 1))
    sids = [one["Sid"] for one in listed if one.get("Sid")]
    if len(sids) != len(set(sids)):
        raise malformed("Statement IDs (SID) in a single policy must be unique.")
    keys = frozenset(_keys(statements))
    if not all(map(is_known, keys)):  # of a variable
        raise malformed(_SYNTAX)
    return Policy(statements, keys)


def _keys(statements: tuple[Statement, ...]) -> Iterator[str]:
    for statement in statements:
        for one in statement.conditions:
            yield one.key
            yield from (variable.key for pattern in one.values for variable in pattern.variables)
        yield from (variable.key for pattern in statement.resources.all for variable in pattern.variables)


def _document(text: str) -> Mapping[str, Any]:
    """Parse JSON without repeated names, so that no two readers of a policy can understand it differently."""
    if not text.startswith("{") or _deep(text):
        raise malformed(_NOT_JSON)
    try:
        text.encode()
        found = json.loads(text, object_pairs_hook=_distinct, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise malformed("This policy contains invalid Json") from None
    if not isinstance(found, dict):
        raise malformed(_NOT_JSON)
    return found


def _deep(text: str) -> bool:
    """Tell whether brackets are nested more deeply than any valid policy's; those within texts are counted too."""
    depth = most = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        depth += 1 if bracket in "[{" else -1
        most = max(most, depth)
    return most > _DEEPEST and _nested(text)


def _nested(text: str) -> bool:
    """Count again, without texts."""
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", re.sub(r'"(?:[^"\\]|\\.)*+"', "", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > _DEEPEST:
            return True
    return False


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _only(found: Mapping[str, Any], names: Set[str]) -> None:
    if unknown := sorted(found.keys() - names):
        raise malformed(f"Unknown field {unknown[0][:64]}")


def _statement(told: Any, place: int, bucket: str, variables: bool) -> Statement:
    if not isinstance(told, dict):
        raise malformed(_SYNTAX)
    _only(told, _ELEMENTS)
    if "Effect" not in told:
        raise malformed("Missing required field Effect")
    effect = told["Effect"]
    if effect not in ("Allow", "Deny"):
        raise malformed(f"Invalid effect: {effect if isinstance(effect, str) else ''}"[:80])
    sid = told.get("Sid", "")
    if not isinstance(sid, str):
        raise malformed(_SYNTAX)
    who, not_who = _one_of(told, "Principal")
    if not_who and effect == "Allow":
        # "Using it with "Effect": "Allow" is not supported" (IAM User Guide, NotPrincipal).
        raise malformed("Allow with NotPrincipal is not allowed.")
    actions, not_actions = _one_of(told, "Action")
    resources, not_resources = _one_of(told, "Resource")
    named = [Pattern(one.lower(), variables=False) for one in _texts(actions, "Action")]
    places = [Pattern(one, variables=variables) for one in _texts(resources, "Resource")]
    known = _check_actions(named)
    _check_resources(places, bucket)
    if not not_actions and not not_resources:
        _check_together(known, places)
    found = principals(who)
    if found is None:
        raise malformed("Invalid principal in policy")
    return Statement(
        f"{sid[:64]!r}" if sid else f"number {place}",
        effect == "Allow",
        found,
        not_who,
        Patterns(named),
        not_actions,
        Patterns(places),
        not_resources,
        tuple(_conditions(told.get("Condition", {}), variables)),
    )


def _one_of(told: Mapping[str, Any], name: str) -> tuple[Any, bool]:
    """Return the value of an element or of its negation, and which it is."""
    both = [one for one in (name, f"Not{name}") if one in told]
    if not both:
        raise malformed(f"Missing required field {name}")
    if len(both) == 2:
        raise malformed(_SYNTAX)
    return told[both[0]], both[0] != name


def _texts(value: Any, name: str) -> list[str]:
    found = value if isinstance(value, list) else [value]
    if not found:
        raise malformed(f"Missing required field {name}")
    if any(not isinstance(one, str) for one in found):
        raise malformed(_SYNTAX)
    return found


def _check_actions(actions: list[Pattern]) -> list[frozenset[str]]:
    """Return the actions of S3 that each text names; refuse a text that names none."""
    wild = {one.text for one in actions if one.literal is None}
    if len(wild) > _MOST_WILD_ACTIONS:
        raise malformed("The policy has too many actions with wildcards.")
    globs = {text: Globs([text]) for text in wild if "\\" not in text}
    found: dict[str, frozenset[str]] = {}
    for one in actions:
        if one.text in found:
            continue
        named = _ACTIONS & {one.text} if one.text not in globs else frozenset(filter(globs[one.text].matches, _ACTIONS))
        if not named:
            raise malformed("Policy has invalid action")
        found[one.text] = named
    return list(found.values())


def _check_resources(resources: list[Pattern], bucket: str) -> None:
    """Refuse a resource that is neither the bucket nor in it."""
    for one in resources:
        name = one.text.removeprefix(_ARN).partition("/")[0]
        plain = re.split(r"[*?]|\$\{", name)[0]
        fits = bucket.startswith(plain) if plain != name else name == bucket
        if not one.text.startswith(_ARN) or not fits:
            raise malformed("Policy has invalid resource")


def _check_together(actions: list[frozenset[str]], resources: list[Pattern]) -> None:
    """Refuse an action that none of the resources can have: an action on objects where only the bucket is named."""
    paths = [one.text.removeprefix(_ARN) for one in resources]
    objects = any("/" in path or "*" in path or "${" in path for path in paths)
    buckets = any("/" not in path or "*" in path.partition("/")[0] or "${" in path for path in paths)
    for named in actions:
        if not ((objects and named & ON_OBJECTS) or (buckets and named & ON_BUCKETS)):
            raise malformed("Action does not apply to any resource(s) in statement")


def _conditions(told: Any, variables: bool) -> Iterator[Condition]:
    if not isinstance(told, dict) or any(not isinstance(block, dict) for block in told.values()):
        raise malformed(_SYNTAX)
    for name, block in told.items():
        for written, value in block.items():
            key = normal(written)
            if not is_known(key):
                raise malformed("Policy has an invalid condition key")
            try:
                yield condition(name, written, key, _values(value), variables=variables)
            except LookupError:
                raise malformed(f"Invalid Condition type : {name[:64]}") from None
            except InvalidValueError as error:
                raise malformed(str(error)) from None


def _values(value: Any) -> tuple[str, ...]:
    found = value if isinstance(value, list) else [value]
    if not found or any(not isinstance(one, str | int | float) for one in found):
        raise malformed(_SYNTAX)
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in found)
