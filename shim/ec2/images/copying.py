"""CopyImage: a copy of an image's snapshots with an image of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.types.block import Snapshot
from adapters.types.images import Image, NewImage
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import IMAGE, SNAPSHOT
from shim.ec2.images import mapping, names, uploads
from shim.ec2.images.registering import made
from shim.ec2.service import action
from shim.ec2.tags import codec as tag_codec
from shim.ec2.tags.creating import HALF_DONE, CreateRequest, Creation, creates, creating
from shim.ec2.tags.rules import checked
from shim.ec2.volumes.default_encryption import check_copied
from shim.ec2.volumes.snapshot_copies import check_regions, copied
from shim.ec2.volumes.volumes import NOT_ENCRYPTED
from shim.errors import AwsError

# What an image of its own has anew.
_NOT_COPIED = frozenset({"description", "block_device_mapping", "bdm_v2", HALF_DONE, "ec2:ct", "ec2:cth"})


def _check(settings: Settings, req: Mapping[str, Any]) -> str:
    names.check(req)
    return ids.uuid(IMAGE, req["SourceImageId"])


@action(
    supports="SourceImageId SourceRegion Name Description ClientToken CopyImageTags Encrypted TagSpecifications",
    values={"Encrypted": NOT_ENCRYPTED},
    read=creates(IMAGE, SNAPSHOT, read=_check),
)
async def copy_image(call: Call, asked: CreateRequest[str]) -> Mapping[str, Any]:
    """Copy an image of snapshots, with copies of the snapshots."""
    new, req = creating(call, asked), asked.params
    check_regions(call, req)
    source = await uploads.usable(call, asked.read)
    found = await _sources(call, source, req["SourceImageId"])

    async def find(mark: Mapping[str, str]) -> list[tuple[Image, Mapping[str, str]]]:
        listed = await call.cloud.images.images(owner=call.caller.project_id) if mark else []
        return [(one, one.properties) for one in listed if mark.items() <= one.properties.items()]

    async with new.once(find, name=req["Name"]):
        if new.earlier:
            return {"ImageId": ids.aws("ami", new.earlier[0].id)}
        await names.free(call, req["Name"])
        await check_copied(call, found.values())
        image = await _copy(call, new, source, found, req)
    return {"ImageId": ids.aws("ami", image.id)}


async def _sources(call: Call, source: Image, image_id: str) -> dict[str, Snapshot]:
    """Read the snapshots of the image to copy; refuse an image that has data, which Glance does not copy."""
    if source.size or not source.snapshots:
        raise AwsError(
            "UnsupportedOperation",
            "Only images of snapshots can be copied: Glance does not copy the data of an image.",
            refused="SourceImageId",
        )
    if source.owner != call.caller.project_id:
        raise AwsError("AuthFailure", f"Not authorized for the snapshots of image:{image_id}", 403)
    return await mapping.snapshots(call, list(dict.fromkeys(source.snapshots)))


async def _copy(
    call: Call, new: Creation[Image], source: Image, found: Mapping[str, Snapshot], req: Mapping[str, Any]
) -> Image:
    items = tag_codec.to_metadata(new.tags_of(SNAPSHOT))
    said = f"Copied for image {req['Name']} from {ids.aws('ami', source.id)}"
    copies = {uuid: (await copied(call, new, one, said, items)).id for uuid, one in found.items()}
    devices = [
        {**one, **({"snapshot_id": copies[one["snapshot_id"]]} if one.get("snapshot_id") else {})}
        for one in source.block_devices
    ]
    tags = dict(new.tags)
    if req.get("CopyImageTags"):
        tags = {**tag_codec.from_metadata(source.properties), **tags}
        checked({"Key": key, "Value": value} for key, value in tags.items())
    kept = {
        name: value
        for name, value in source.properties.items()
        if name not in _NOT_COPIED and not name.startswith(("tag:", "t64:"))
    }
    described = {"description": req["Description"]} if req.get("Description") else {}
    properties = {**kept, **tag_codec.to_metadata(tags), **new.token, **described, **mapping.properties(devices)}
    return await made(call, new, NewImage(req["Name"], properties, min_disk=source.min_disk, min_ram=source.min_ram))
