"""Members of an instance that most instances have alike, such as its state: their XML is written once and kept.

Writing is most of what an answer of a thousand instances costs the gateway, and a quarter of its elements are these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, Final

from shim.ec2.service import ec2
from shim.protocol.coverage import shape_at
from shim.protocol.xml.rows import Written
from shim.protocol.xml.write import Compiler

_KEPT: Final = 1024  # of a few hundred bytes each; users choose some of the values, so there may be any number
_INSTANCE: Final = shape_at(ec2.model.operation_model("DescribeInstances").output_shape, "Reservations.Instances")


def alike(member: str, value: Mapping[str, Any]) -> Written:
    """Return a structure of scalars, the value of this member of an Instance, with its XML."""
    return _written(member, tuple(value.items()))


@lru_cache(_KEPT)
def _written(member: str, items: tuple[tuple[str, Any], ...]) -> Written:
    value = dict(items)
    return Written(value, _writer(member)(value))


@cache
def _writer(member: str) -> Callable[[Mapping[str, Any]], str]:
    return Compiler().text_of_members(_INSTANCE.member.members[member])
