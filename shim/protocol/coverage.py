"""Which parameters an action honours: declared by path at import, checked against every request.

    supports={"VolumeIds", "Filters", "BlockDeviceMappings.Ebs.VolumeSize"}

A bare parent covers all below it; lists are stepped over.  What is not declared is refused by name, so nothing that a
client asks for is silently dropped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

Tree = dict[str, Any]  # member → the tree below, or _ALL of it
_ALL: Tree = {}


def paths(words: Collection[str] | str) -> frozenset[str]:
    """Return the set of paths given as a collection, or as one string with blanks between them."""
    return frozenset(words.split() if isinstance(words, str) else words)


def compile_tree(shape: Any, covered: Iterable[str]) -> Tree:
    """Turn paths into a tree; raise LookupError for a path that the model lacks."""
    root: Tree = {}
    for path in sorted(covered):  # a parent comes before what is below it, and covers it
        place, node = shape, root
        *way, last = path.split(".")
        for step in way:
            place = _member(place, step, path)
            node = node if node is _ALL else node.setdefault(step, {})
        _member(place, last, path)
        if node is not _ALL:
            node[last] = _ALL
    return root


def shape_at(shape: Any, path: str) -> Any:
    """Return the shape of the parameter at a path; LookupError for a path that the model lacks."""
    for step in path.split("."):
        shape = _member(shape, step, path)
    return shape


def _member(shape: Any, name: str, path: str) -> Any:
    while shape is not None and shape.type_name == "list":
        shape = shape.member
    if shape is None or shape.type_name != "structure" or name not in shape.members:
        raise LookupError(f"the model has no parameter {path}")
    return shape.members[name]


def covered_wholly(tree: Tree) -> frozenset[str]:
    """Return the top members that are covered with all below them; parameters of these alone need no further check."""
    return frozenset(name for name, below in tree.items() if below is _ALL)


def uncovered(params: Mapping[str, Any], tree: Tree) -> str:
    """Return the path of the first parameter that the tree does not cover, or ''."""
    for name, value in params.items():
        below = tree.get(name)
        if below is _ALL:
            continue
        if below is None:
            return name
        for item in value if isinstance(value, list) else (value,):
            path = uncovered(item, below)
            if path:
                return f"{name}.{path}"
    return ""


def model_names(words: Mapping[str, Any]) -> set[str]:
    """Return the names that a service's model gives to its operations and their parameters, on the wire and in code.

    The ec2 protocol begins a parameter's name with a capital where the model's `locationName` does not.
    """
    names = set(words["operations"])
    shapes = words["shapes"]
    for operation in words["operations"].values():
        names.update(operation.get("http", {}).get("requestUri", "").partition("?")[2].partition("=")[:1])
        for name, member in shapes[operation["input"]["shape"]]["members"].items() if "input" in operation else ():
            outside = member.get("locationName") or name
            names.update((name, outside, member.get("queryName") or outside[:1].upper() + outside[1:]))
    return names - {""}
