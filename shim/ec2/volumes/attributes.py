"""Attributes of volumes, none of which Cinder has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.types.block import Volume
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import VOLUME
from shim.ec2.service import action
from shim.ec2.volumes.reading import shown_volume
from shim.errors import AwsError

# The gateway's own item in a volume's metadata.  Cinder never suspends a volume's I/O, so the attribute has no effect,
# but it is read back as it was set.
_AUTO_ENABLE_IO = "ec2:auto-enable-io"


@action(supports="VolumeId Attribute")
async def describe_volume_attribute(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an attribute: Cinder has no product codes."""
    if req["Attribute"] not in ("autoEnableIO", "productCodes"):
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({req['Attribute']}) for parameter attribute is invalid.",
            refused="Attribute",
        )
    volume = await _volume(call, req)
    shown: dict[str, Any] = {"VolumeId": ids.aws("vol", volume.id)}
    if req["Attribute"] == "productCodes":
        return {**shown, "ProductCodes": []}
    return {**shown, "AutoEnableIO": {"Value": volume.metadata.get(_AUTO_ENABLE_IO) == "true"}}


@action(supports="VolumeId AutoEnableIO")
async def modify_volume_attribute(call: Call, req: Mapping[str, Any]) -> None:
    """Keep whether I/O is to be enabled again after a suspension, which does not happen."""
    value = (req.get("AutoEnableIO") or {}).get("Value")
    if value is None:
        raise AwsError("MissingParameter", "The request must contain the parameter autoEnableIO")
    volume = await _volume(call, req)
    await call.cloud.block.set_volume_metadata(volume.id, {_AUTO_ENABLE_IO: str(value).lower()})


@action(supports="VolumeId")
async def enable_volume_io(call: Call, req: Mapping[str, Any]) -> None:
    """Check that the volume exists: the I/O of a volume is never suspended here."""
    await _volume(call, req)


async def _volume(call: Call, req: Mapping[str, Any]) -> Volume:
    return await shown_volume(call, ids.uuid(VOLUME, req["VolumeId"]))
