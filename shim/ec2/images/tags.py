"""Tags of images, kept in the properties of Glance's images."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from adapters.types.images import Image
from shim.context import Call
from shim.ec2.engine.resource_types import (
    EXPORT_IMAGE_TASK,
    IMAGE,
    IMPORT_IMAGE_TASK,
    IMPORT_SNAPSHOT_TASK,
    ResourceType,
)
from shim.ec2.images import uploads
from shim.ec2.images.task_records import TASK, alone
from shim.ec2.tags.stores import Held, Lists, Store, Work, limited, of_metadata, plan, register
from shim.errors import AwsError


def _all(lists: Lists) -> Awaitable[list[Image]]:
    return lists.once("images", lists.call.cloud.images.images)


async def _images(lists: Lists, named: Sequence[str]) -> list[Held]:
    call = lists.call
    found = [await call.cloud.images.image(named[0])] if len(named) == 1 else await _all(lists)
    project = call.caller.project_id
    for image in found if named else ():
        if image.id in named and image.owner != project:
            # AWS keeps an image's tags by account; Glance has one set of properties, which belongs to the owner.
            raise AwsError(
                "UnsupportedOperation", "An image of another account cannot be tagged on this cloud.", refused="Tags"
            )
    own = [image for image in found if image.owner == project and TASK not in image.properties]
    return [of_metadata(image.id, image.properties) for image in await uploads.all_finished(call, own)]


def _tasks(resource_type: ResourceType) -> Callable[[Lists, Sequence[str]], Awaitable[list[Held]]]:
    """Return the function that reads the tags of tasks, which are images without data."""

    async def read(lists: Lists, named: Sequence[str]) -> list[Held]:
        project = lists.call.caller.project_id
        own = [image for image in await _all(lists) if image.owner == project]
        records = [image for image in own if image.properties.get(TASK) == resource_type.name]
        return [of_metadata(image.id, image.properties) for image in records]

    return read


def _change_image(call: Call, held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> Work:
    items, drop = plan(held, tags, gone)

    async def change() -> None:
        if items or drop:
            await limited(uploads.change(call, held.id, set=items, drop=drop))

    return change


def _change_task(call: Call, held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> Work:
    items, drop = plan(held, tags, gone)

    async def change() -> None:
        if items or drop:
            async with alone(call, held.id):
                await limited(call.cloud.images.update_image(held.id, set=items, drop=drop))

    return change


register(Store(IMAGE, _images, _change_image))
for _type in (IMPORT_IMAGE_TASK, IMPORT_SNAPSHOT_TASK, EXPORT_IMAGE_TASK):
    register(Store(_type, _tasks(_type), _change_task))
