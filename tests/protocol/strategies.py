"""Values that a model allows, drawn by hypothesis from its shapes: what clients may send, what actions may answer."""

import re
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from shim.protocol.constraints import pattern

DEEPEST = 3

# What XML 1.0 can carry and a parser gives back unchanged: no control characters, and no carriage return.
XML_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n", exclude_characters="\ufffe\uffff"),
    max_size=12,
)
# A form can carry anything that UTF-8 can; what XML cannot give back is refused.
FORM_TEXT = st.text(
    st.characters(
        exclude_categories=["Cs"],
        exclude_characters=[*map(chr, range(9)), "\x0b", "\x0c", *map(chr, range(14, 32)), "\ufffe", "\uffff"],
    ),
    max_size=12,
)
# A header's text: no blanks at the ends, nothing that reads as an encoded word.
HEADER_TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='",?'), max_size=12)
BUCKET = st.from_regex(r"[a-z0-9][a-z0-9-]{1,40}", fullmatch=True)
KEY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)

_WHOLE = {"byte": 8, "short": 16, "integer": 32, "long": 64}


def values(shape: Any, text: st.SearchStrategy[str], *, empty: bool, depth: int = 0) -> st.SearchStrategy[Any]:
    """Draw a value of a shape; `empty` says whether empty lists and structures survive the wire."""
    kind = shape.type_name
    if kind == "structure":
        return structures(shape, text, empty=empty, depth=depth)
    if kind == "list":
        least = int(shape.metadata.get("min", 0 if empty and not shape.serialization.get("flattened") else 1))
        most = min(int(shape.metadata.get("max", 3)), least + 2)
        return st.lists(
            values(shape.member, text, empty=empty, depth=depth + 1), min_size=max(least, 1 - empty), max_size=most
        )
    if kind == "map":
        keys = st.from_regex(r"[a-z0-9-]{1,8}", fullmatch=True)
        inside = values(shape.value, text, empty=empty, depth=depth + 1)
        return st.dictionaries(keys, inside, min_size=1, max_size=3)
    return scalars(shape, text)


def structures(shape: Any, text: st.SearchStrategy[str], *, empty: bool, depth: int) -> st.SearchStrategy[Any]:
    """Draw a structure: all that is required, and a few of the rest.

    What a member is drawn from is made when it is first drawn: EC2's structures are wide, and most members never are.
    """
    inside: dict[str, st.SearchStrategy[Any]] = {}
    possible = [name for name, member in shape.members.items() if feasible(member, depth + 1)]
    required = list(shape.required_members)
    others = [name for name in possible if name not in required]
    least = 0 if empty or required else 1
    some = st.lists(st.sampled_from(others), min_size=least, max_size=4, unique=True) if others else st.just([])
    if getattr(shape, "is_tagged_union", False):
        required, some = [], st.sampled_from(possible).map(lambda name: [name])

    @st.composite
    def structure(draw: st.DrawFn) -> dict[str, Any]:
        found = {}
        for name in [*required, *draw(some)]:
            if name not in inside:
                drawn = values(shape.members[name], text, empty=empty, depth=depth + 1)
                # EC2 takes a required text that is empty for one that is missing.
                inside[name] = drawn.filter(_is_something) if name in required and not empty else drawn
            found[name] = draw(inside[name])
        return found

    return structure()


def _is_something(value: Any) -> bool:
    return value not in ("", b"")


def feasible(shape: Any, depth: int) -> bool:
    """Whether a value of the shape fits above the deepest level, with something in it."""
    if shape.type_name == "list":
        return feasible(shape.member, depth + 1)
    if shape.type_name == "map":
        return feasible(shape.value, depth + 1)
    if shape.type_name != "structure":
        return True
    if depth >= DEEPEST or not shape.members:
        return False
    if shape.required_members:
        return all(feasible(shape.members[name], depth + 1) for name in shape.required_members)
    return any(feasible(member, depth + 1) for member in shape.members.values())


def scalars(shape: Any, text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Draw a scalar that meets the shape's constraints."""
    kind, facts = shape.type_name, shape.metadata
    if kind == "boolean":
        return st.booleans()
    if kind in _WHOLE:
        bits = _WHOLE[kind]
        return st.integers(int(facts.get("min", -(1 << bits - 1))), int(facts.get("max", (1 << bits - 1) - 1)))
    if kind in ("float", "double"):
        least, most = facts.get("min"), facts.get("max")
        return st.floats(least, most, allow_nan=False, allow_infinity=False)
    if kind == "timestamp":
        return st.integers(10**7, 4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
    if kind == "blob":
        return st.binary(max_size=20)
    return _strings(shape, text)


def _strings(shape: Any, text: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    facts = shape.metadata
    if facts.get("enum"):
        return st.sampled_from(facts["enum"])
    least, most = int(facts.get("min", 0)), int(facts.get("max", 10_000))
    if "pattern" in facts:
        ascii_only = st.characters(codec="ascii", exclude_categories=["Cc"])
        one_class = re.fullmatch(r"(\[.*\])[*+]", facts["pattern"])
        if one_class:  # `[a-z]*` with a length of 20 to 64: say so, rather than draw until the length fits
            words = pattern(f"{one_class[1]}{{{max(least, 1)},{min(most, least + 12)}}}")
            return st.from_regex(words, fullmatch=True, alphabet=ascii_only)
        return st.from_regex(pattern(facts["pattern"]), fullmatch=True, alphabet=ascii_only).filter(
            lambda found: least <= len(found) <= most
        )
    if least or most < 12:
        fill = "a" * least
        return text.map(lambda found: (found + fill)[:most])
    return text
