"""Tags of images, kept in the properties of Glance's images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shim.context import Call
from shim.ec2.engine.resource_types import IMAGE
from shim.ec2.tags.stores import Held, Lists, Store, Work, limited, of_metadata, plan, register
from shim.errors import AwsError


async def _images(lists: Lists, named: Sequence[str]) -> list[Held]:
    call = lists.call
    found = [await call.cloud.images.image(named[0])] if len(named) == 1 else await call.cloud.images.images()
    project = call.caller.project_id
    for image in found if named else ():
        if image.id in named and image.owner != project:
            # AWS keeps an image's tags by account; Glance has one set of properties, which belongs to the owner.
            raise AwsError(
                "UnsupportedOperation", "An image of another account cannot be tagged on this cloud.", refused="Tags"
            )
    return [of_metadata(image.id, image.properties) for image in found if image.owner == project]


def _change_image(call: Call, held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> Work:
    items, drop = plan(held, tags, gone)

    async def change() -> None:
        if items or drop:
            await limited(call.cloud.images.update_image(held.id, set=items, drop=drop))

    return change


register(Store(IMAGE, _images, _change_image))
