"""What a replay may change: only what it made itself on the endpoint.

The values looked at are those that would be sent, as ids of a recording are others on the endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from recording.replay.names import ID, texts
from recording.replay.undo import INVERSE, Undo, at

_FOREIGN: Final = "it changes what the replay did not make"

# What operations change, or take, beside what they make: where they name it.
CHANGES: Final[Mapping[str, tuple[str, ...]]] = {
    "AssociateAddress": ("AllocationId", "PublicIp", "InstanceId", "NetworkInterfaceId"),
    "AssociateRouteTable": ("SubnetId", "GatewayId", "RouteTableId"),
    "AssociateVpcCidrBlock": ("VpcId",),
    "AttachInternetGateway": ("VpcId", "InternetGatewayId"),
    "AttachNetworkInterface": ("InstanceId", "NetworkInterfaceId"),
    "AttachVolume": ("InstanceId", "VolumeId"),
    "AuthorizeSecurityGroupEgress": ("GroupId",),
    "AuthorizeSecurityGroupIngress": ("GroupId", "GroupName"),
    "CreateImage": ("InstanceId",),  # which is rebooted without NoReboot
    "CreateNatGateway": ("AllocationId", "SecondaryAllocationIds[]"),
    "CreateRoute": ("RouteTableId",),
    "RunInstances": ("NetworkInterfaces[].NetworkInterfaceId",),
}
# These make something that no inverse takes away, so only --keep makes it.
_MAKES: Final = (
    "Allocate", "Copy", "Create", "Export", "Import", "Provision", "Purchase", "Register", "Request", "Run",
)  # fmt: skip
# These add to a thing what goes away with it.
_PARTS: Final = frozenset({"CreateLaunchTemplateVersion", "CreateNetworkAclEntry", "CreateTags"})
# Parameters that name a thing by another word than its id.
_BY_NAME: Final = frozenset({"GroupName", "GroupNames", "KeyName", "LaunchTemplateName", "PublicIp"})


def why_not(operation: str, params: Mapping[str, Any], undo: Undo, *, keep: bool) -> str:
    """Return why a call of EC2 must not be made with these parameters, '' where it changes nothing of others."""
    if operation in INVERSE:
        changed = [found for path in CHANGES.get(operation, ()) for found in _each(at(params, path))]
        return "" if undo.made.issuperset(changed) else _FOREIGN
    ids = set(_ids({name: one for name, one in params.items() if name != "Tags"}))
    names = {(name, str(one)) for name, one in params.items() if name in _BY_NAME}
    own = ids <= undo.made and names <= undo.names
    if is_making(operation):
        if not keep:
            return "no inverse of it is known; --keep makes it"
        return "" if own else _FOREIGN
    return "" if own and (ids or names) else _FOREIGN


def is_making(operation: str) -> bool:
    """Tell by AWS's naming of EC2's operations whether a call makes something that stays for itself."""
    return operation in INVERSE or (operation.startswith(_MAKES) and operation not in _PARTS)


def _ids(params: Any) -> list[str]:
    """Return the ids that parameters name, also by an ARN."""
    found: list[str] = []
    for _, text in texts(params):
        if ID.fullmatch(text):
            found.append(text)
        elif text.startswith("arn:"):
            found += ID.findall(text) or [text]
    return found


def _each(value: Any) -> list[str]:
    return [str(one) for one in (value if isinstance(value, list) else [value]) if one is not None]
