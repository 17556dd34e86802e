"""Compute how many instances the project's OpenStack limits allow, before anything is created."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.types.block import BlockLimits
from adapters.types.compute import BlockDevice, ComputeLimits, Flavor
from shim.errors import AwsError

_NO_LIMIT = -1


# AWS's messages, as seen in https://github.com/convox/rack/issues/2539 (instances) and
# https://github.com/scrapoxy/scrapoxy/issues/202 (vCPUs), without the last sentence, which names AWS's contact page.


def allowed(
    least: int,
    most: int,
    flavor: Flavor,
    compute: ComputeLimits,
    devices: Sequence[BlockDevice] = (),
    block: BlockLimits | None = None,
) -> int:
    """Return how many instances to make, at most `most`; raise AWS's error if there is no room for `least`.

    "If you specify a value that is more capacity than Amazon EC2 can launch, EC2 launches the largest possible number
    of instances above the specified minimum count" (RunInstances, MaxCount).  Nova itself checks Neutron's
    quota of ports before it makes the first server.
    """
    rooms = [
        (_room(compute.cores, compute.cores_used, flavor.vcpus), _vcpus(compute.cores)),
        (_room(compute.instances, compute.instances_used, 1), too_many(least, compute.instances)),
        (_room(compute.ram, compute.ram_used, flavor.ram), _memory(compute.ram)),
    ]
    volumes = [device for device in devices if not device.local]
    if block is not None and volumes:
        size = sum(device.size or 0 for device in volumes)
        rooms += [
            (_room(block.volumes, block.volumes_used, len(volumes)), _volumes(block.volumes)),
            (_room(block.gigabytes, block.gigabytes_used, size), _gigabytes(block.gigabytes)),
        ]
    for room, error in rooms:
        if room is not None and room < least:
            raise error
    return min([most, *(room for room, _ in rooms if room is not None)])


def too_many(count: int, limit: int) -> AwsError:
    """Return the error for more instances than may be launched."""
    return AwsError(
        "InstanceLimitExceeded",
        f"You have requested more instances ({count}) than your current instance limit of {limit} allows for the "
        "specified instance type.",
    )


def _room(limit: int, used: int, each: int) -> int | None:
    """Return how many more instances fit; None if there is no limit."""
    if limit == _NO_LIMIT or not each:
        return None
    return max(0, limit - used) // each


def _vcpus(limit: int) -> AwsError:
    return AwsError(
        "VcpuLimitExceeded",
        f"You have requested more vCPU capacity than your current vCPU limit of {limit} allows for the instance bucket "
        "that the specified instance type belongs to.",
    )


def _memory(limit: int) -> AwsError:
    # AWS has no limit of memory, so OpenStack's limit raises the general code for instances.
    return AwsError(
        "InstanceLimitExceeded", f"You have requested more memory than your current limit of {limit} MiB allows."
    )


def _volumes(limit: int) -> AwsError:
    return AwsError("VolumeLimitExceeded", f"You have exceeded your maximum volume limit of {limit} in this Region.")


def _gigabytes(limit: int) -> AwsError:
    return AwsError(
        "VolumeLimitExceeded", f"You have exceeded your maximum storage limit of {limit} GiB in this Region."
    )
