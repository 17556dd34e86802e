"""Names of images, which are unique in an account of AWS; Glance allows twins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from adapters.errors import absent_is
from shim.concurrency import gather, gather_all
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import IMAGE
from shim.ec2.images import uploads
from shim.ec2.tags.creating import HALF_DONE
from shim.ec2.volumes.ending import remove
from shim.errors import AwsError

# "Constraints: 3-128 alphanumeric characters, parentheses (()), square brackets ([]), spaces ( ), periods (.), slashes
# (/), dashes (-), single quotes ('), at-signs (@), or underscores(_)"
_NAME = re.compile(r"[a-zA-Z0-9()\[\] ./\-'@_]{3,128}")
LONGEST_DESCRIPTION = 255


def check(req: Mapping[str, Any]) -> None:
    """Raise AWS's errors for a name or a description of a new image that AWS does not take."""
    if not _NAME.fullmatch(req["Name"]):
        raise AwsError(
            "InvalidAMIName.Malformed",
            "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', "
            "'-', '/' and '_'",
            refused="Name",
        )
    check_description(req)


def check_description(req: Mapping[str, Any]) -> None:
    """Raise AWS's error for a description that is too long."""
    if len(req.get("Description") or "") > LONGEST_DESCRIPTION:
        raise AwsError(
            "InvalidParameterValue",
            f"The description must be at most {LONGEST_DESCRIPTION} characters long.",
            refused="Description",
        )


async def free(call: Call, name: str) -> None:
    """Raise Duplicate if an image of the project has a name; delete what a killed gateway left half done under it.

    The caller holds the lock of the name (`new.once(name=...)`), so nobody is making a half-done image now.
    """
    own, port = call.caller.project_id, call.cloud.images
    shown, hidden = await gather(port.images(owner=own, name=name), port.images(owner=own, name=name, hidden=True))
    for image in (one for one in (*shown, *hidden) if one.name == name):
        left = image.snapshots if HALF_DONE in image.properties else await uploads.left(call, image)
        if left is None:
            raise AwsError(
                IMAGE.duplicate,
                f"AMI name {name} is already in use by AMI {ids.aws('ami', image.id)}",
                refused="Name",
            )
        await port.delete_image(image.id)
        await gather_all(absent_is(None, _removed(call, uuid)) for uuid in left)


async def _removed(call: Call, snapshot_id: str) -> None:
    await remove(call, await call.cloud.block.snapshot(snapshot_id))
