"""Parse the urlencoded forms of the ec2 and query protocols: pairs become a tree, and the tree parameters.

The pairs `Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1` become first
`{"Filter": {"1": {"Name": "vpc-id", "Value": {"1": "vpc-1"}}}}`,
then `{"Filters": [{"Name": "vpc-id", "Values": ["vpc-1"]}]}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from shim.errors import AwsError
from shim.protocol import scalars
from shim.protocol.constraints import check
from shim.protocol.message import decode_pairs
from shim.protocol.parameter_error import ParameterError, Problem

Node = Any  # str, or dict[str, Node]; a value that also has children keeps it under ""
Read = Callable[[Node], Any]

# Names of the protocols themselves and of both signatures (SigV2, SigV4 in the query): they are no parameters.
_WORDS = (
    "Action Version AWSAccessKeyId Signature SignatureMethod SignatureVersion Timestamp Expires SecurityToken "
    "X-Amz-Algorithm X-Amz-Credential X-Amz-Date X-Amz-Expires X-Amz-SignedHeaders X-Amz-Signature "
    "X-Amz-Security-Token X-Amz-Content-Sha256"
)
ENVELOPE = frozenset(_WORDS.split())
# What a form may cost.  The largest legal request that we know of is ModifySecurityGroupRules for every rule of a
# group, which has at most 1,000 rules (Amazon VPC quotas): each takes up to eight parameters, and two or three branches
# of the tree.  The deepest parameter of EC2's model, in RequestSpotFleet, has eleven steps; IAM's lists add some.
MOST_PAIRS = 8192
MOST_BRANCHES = 4096
DEEPEST = 16
_LONGEST_ACTION = 128
_ACTION_WITHIN_BYTES = 4096
_INDEX = re.compile("0|[1-9][0-9]{0,8}")
_ACTION = b"Action="


def undecoded_action(raw: bytes) -> tuple[tuple[str, str], ...]:
    """Find the operation of a form whose signature is not verified, so that it must not be decoded yet.

    Returns the pair of the name Action, or nothing where it is percent-encoded or far from the start.  Every SDK writes
    it near the start and unencoded.
    """
    at = 0
    while (at := raw.find(_ACTION, at, _ACTION_WITHIN_BYTES)) >= 0:
        start = at + len(_ACTION)
        if at == 0 or raw[at - 1 : at] == b"&":
            value = raw[start : start + _LONGEST_ACTION].partition(b"&")[0]
            return (("Action", value.decode()),) if value.isalnum() and len(value) < _LONGEST_ACTION else ()
        at = start
    return ()


def decode(raw: bytes) -> tuple[tuple[str, str], ...]:
    """Decode a form into pairs; raise AwsError before that where it has more than MOST_PAIRS."""
    if raw.count(b"&") >= MOST_PAIRS:
        raise _too_large()
    return decode_pairs(raw)


def _too_large() -> AwsError:
    return AwsError("RequestEntityTooLarge", "Request entity is too large.", 413)


def tree(pairs: Iterable[tuple[str, str]]) -> dict[str, Node]:
    """Fold `A.1.B=c` pairs into nested dicts.

    Raises ParameterError for a name given twice with different values and for a name of more than DEEPEST steps, and
    AwsError before more than MOST_PAIRS pairs or MOST_BRANCHES branches are built.
    """
    root: dict[str, Node] = {}
    branches = 0
    for count, (name, value) in enumerate(pairs):
        if name in ENVELOPE:
            continue
        *way, last = name.split(".", DEEPEST)
        if "." in last:
            raise ParameterError(Problem.UNKNOWN).at(name)
        node = root
        for step in way:
            below = node.get(step)
            if not isinstance(below, dict):
                below = node[step] = {} if below is None else {"": below}
                branches += 1
            node = below
        if branches > MOST_BRANCHES or count >= MOST_PAIRS:
            raise _too_large()
        there = node.get(last)
        if there is None:
            node[last] = value
        elif isinstance(there, dict) and "" not in there:
            there[""] = value
        elif (there.get("") if isinstance(there, dict) else there) != value:
            raise ParameterError(Problem.TYPE, "The parameter is given twice", value).at(name)
    return root


class Compiler:
    """Compiles a model's shapes to readers of the tree, each once, as models are recursive."""

    def __init__(self, *, wire_name: Callable[[str, Any], str], flat: bool) -> None:
        """`wire_name` names a member on the wire; `flat` is ec2: every list is `Name.N`."""
        self._wire_name = wire_name
        self._flat = flat
        self._done: dict[tuple[str, bool], Read] = {}

    def read(self, shape: Any) -> Read:
        """Return the reader of a shape."""
        kind = shape.type_name
        if kind not in ("structure", "list", "map"):
            return _leaf(scalars.form_reader(shape), numbered=self._flat)
        key = (shape.name, bool(shape.serialization.get("flattened")))
        if key not in self._done:
            self._done[key] = lambda node: self._done[key](node)
            build = {"structure": self._structure, "list": self._list, "map": self._map}[kind]
            self._done[key] = _checked(build(shape), shape)
        return self._done[key]

    def _structure(self, shape: Any) -> Read:
        members = {
            self._wire_name(name, member): (name, self.read(member), member.type_name)
            for name, member in shape.members.items()
        }
        wire = {name: outside for outside, (name, _, _) in members.items()}
        required = [(name, wire[name]) for name in shape.required_members]
        # EC2 answers `GroupName=` as it answers a request without GroupName; Coral's query services check the length.
        absent = (None, "", b"") if self._flat else (None,)

        def read(node: Node) -> dict[str, Any]:
            if not isinstance(node, dict):
                raise ParameterError(Problem.UNKNOWN)
            found: dict[str, Any] = {}
            for outside, below in node.items():
                member = members.get(outside)
                if member is None:
                    raise ParameterError(Problem.UNKNOWN).at(outside, *_first(below))
                try:
                    found[member[0]] = member[1](below)
                except ParameterError as error:
                    raise error.at(outside) from None
            for name, outside in required:
                if found.get(name) in absent:
                    raise ParameterError(Problem.MISSING, "Member must not be null").at(outside)
            return found

        return read

    def _list(self, shape: Any) -> Read:
        item = self.read(shape.member)
        scalar = shape.member.type_name not in ("structure", "list", "map")
        flat = self._flat or bool(shape.serialization.get("flattened"))
        inner = "" if flat else shape.member.serialization.get("name", "member")

        def read(node: Node) -> list[Any]:
            if node == "" and not self._flat:
                return []  # how the query protocol writes an empty list
            if inner and isinstance(node, dict):
                node = _only(node, inner)
            if not isinstance(node, dict):
                if scalar:
                    return [item(node)]  # `InstanceId=i-1` for `InstanceId.1=i-1`
                raise ParameterError(Problem.UNKNOWN)
            return [_step(item, index, below) for index, below in _numbered(node, scalar)]

        return read

    def _map(self, shape: Any) -> Read:
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")
        key, value = self.read(shape.key), self.read(shape.value)
        inner = "" if shape.serialization.get("flattened") else "entry"

        def entry(node: Node) -> tuple[Any, Any]:
            if not isinstance(node, dict):
                raise ParameterError(Problem.UNKNOWN)
            for name in node:
                if name not in (key_name, value_name):
                    raise ParameterError(Problem.UNKNOWN).at(name)
            for name in (key_name, value_name):
                if name not in node:
                    raise ParameterError(Problem.MISSING, "Member must not be null").at(name)
            return _step(key, key_name, node[key_name]), _step(value, value_name, node[value_name])

        def read(node: Node) -> dict[Any, Any]:
            if node == "":
                return {}
            if inner and isinstance(node, dict):
                node = _only(node, inner)
            if not isinstance(node, dict):
                raise ParameterError(Problem.UNKNOWN)
            return dict(_step(entry, index, below) for index, below in _numbered(node, scalar=False))

        return read


def _leaf(read: scalars.Read, *, numbered: bool) -> Read:
    def leaf(node: Node) -> Any:
        if numbered and isinstance(node, dict) and len(node) == 1:
            node = node.get("1", node)  # boto 2 asks GetConsoleOutput for `InstanceId.1`
        if isinstance(node, dict):
            raise ParameterError(Problem.UNKNOWN).at(*_first(node))
        return read(node)

    return leaf


def _checked(read: Read, shape: Any) -> Read:
    demand = check(shape)
    if demand is None:
        return read

    def checked(node: Node) -> Any:
        value = read(node)
        demand(value)
        return value

    return checked


def _step(read: Read, name: str, node: Node) -> Any:
    try:
        return read(node)
    except ParameterError as error:
        raise error.at(name) from None


def _only(node: dict[str, Node], inner: str) -> Node:
    for name in node:
        if name != inner:
            raise ParameterError(Problem.UNKNOWN).at(name)
    return node[inner]


def _numbered(node: dict[str, Node], scalar: bool) -> list[tuple[str, Node]]:
    """Return a list's elements in ascending order of their numbers; gaps, and any first number, are tolerated.

    libcloud counts from 0, everyone else from 1.  A large number costs nothing, as nothing is kept for the gaps.  `01`
    is refused: beside `1` it would be a second element of the same number.
    """
    for name in node:
        if not _INDEX.fullmatch(name) and not (name == "" and scalar):
            raise ParameterError(Problem.UNKNOWN).at(name)
    return sorted(node.items(), key=lambda pair: int(pair[0] or -1))


def _first(node: Node) -> list[str]:
    """Return the path to the first value below an unknown name, for the error's full name."""
    way: list[str] = []
    while isinstance(node, dict) and node:
        name, node = next(iter(node.items()))
        if name:
            way.append(name)
    return way


def empty(node: Node) -> dict[str, Any]:
    """Read the parameters of an operation that takes none."""
    for name, below in node.items():
        raise ParameterError(Problem.UNKNOWN).at(name, *_first(below))
    return {}
