"""The EC2 service: the registry in which every resource module registers its actions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from shim.ec2.throttling import buckets
from shim.errors import AwsError
from shim.protocol.operation import Handler, Read
from shim.protocol.service import Service
from shim.protocol.values import Values

H = TypeVar("H", bound=Handler)

ec2 = Service("ec2")


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Parameters that AWS's reference forbids in one request: any of `these` with any of `those`.

    `sentence` is AWS's, from the reference of the action.  `message` may name the two parameters that were given.
    """

    these: str
    those: str
    sentence: str
    message: str = "The parameter {this} cannot be used with the parameter {that}"

    def check(self, req: Mapping[str, Any]) -> None:
        """Raise InvalidParameterCombination if a request has such a pair."""
        for this in self.these.split():
            for that in self.those.split():
                if _given(req, this) and _given(req, that):
                    sentence = self.message.format(this=this, that=that)
                    raise AwsError("InvalidParameterCombination", sentence, refused=that)


# By action; filled by the registrations.
FORBIDDEN: dict[str, Sequence[Forbidden]] = {}


def action(
    *,
    supports: Collection[str] | str,
    ignores: Mapping[str, str] | None = None,
    values: Mapping[str, Values | tuple[Values, ...]] | None = None,
    forbids: Sequence[Forbidden] = (),
    read: Read | None = None,
    ends_with_client: bool = False,
) -> Callable[[H], H]:
    """Register an action of EC2; see `Service.action`.  `forbids` is checked before `read`, both before a cloud call.

    Raises LookupError if `forbids` names a parameter that AWS's model does not have.
    """

    def checked(settings: Any, principal: Any, operation: str, req: Mapping[str, Any]) -> Any:
        if settings.ec2_throttling:
            buckets.take(principal.account_id, operation, req)
        for one in forbids:
            one.check(req)
        return req if read is None else read(settings, principal, operation, req)

    def register(handler: H) -> H:
        registered = ec2.action(
            supports=supports,
            ignores=ignores,
            values=values,
            read=checked,
            ends_with_client=ends_with_client,
        )(handler)
        name = next(name for name, one in ec2.handlers.items() if one is handler)
        shape = ec2.model.operation_model(name).input_shape
        known = set(shape.members) if shape else set()
        if unknown := {word for one in forbids for word in f"{one.these} {one.those}".split()} - known:
            raise LookupError(f"{name} has no parameters {', '.join(sorted(unknown))}")
        FORBIDDEN[name] = forbids
        return registered

    return register


def _given(req: Mapping[str, Any], name: str) -> bool:
    return req.get(name) not in (None, "", [], {})
