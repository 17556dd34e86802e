"""How many instances the project's limits in OpenStack leave room for, looked at once before anything is made."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.types.block import BlockLimits
from adapters.types.compute import BlockDevice, ComputeLimits, Flavor
from shim.errors import AwsError

_NO_LIMIT = -1


# AWS's sentences, as seen in https://github.com/convox/rack/issues/2539 (instances) and
# https://github.com/scrapoxy/scrapoxy/issues/202 (vCPUs), without the last one, which names AWS's own contact page.


def allowed(
    least: int,
    most: int,
    flavor: Flavor,
    compute: ComputeLimits,
    devices: Sequence[BlockDevice] = (),
    block: BlockLimits | None = None,
) -> int:
    """Return how many instances to make, `most` at most; raise AWS's error where there is no room for `least`.

    "If you specify a value that is more capacity than Amazon EC2 can launch, EC2 launches the largest possible number
    of instances above the specified minimum count" (RunInstances, MaxCount).  Ports are left to Nova, which looks at
    Neutron's quota before it makes the first server.
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
    """Make the error for more instances than may be launched."""
    return AwsError(
        "InstanceLimitExceeded",
        f"You have requested more instances ({count}) than your current instance limit of {limit} allows for the "
        "specified instance type.",
    )


def _room(limit: int, used: int, each: int) -> int | None:
    """Return how many more there is room for; None where nothing limits them."""
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
    # AWS limits no memory, so its general code for instances stands for what OpenStack alone has.
    return AwsError(
        "InstanceLimitExceeded", f"You have requested more memory than your current limit of {limit} MiB allows."
    )


def _volumes(limit: int) -> AwsError:
    return AwsError("VolumeLimitExceeded", f"You have exceeded your maximum volume limit of {limit} in this Region.")


def _gigabytes(limit: int) -> AwsError:
    return AwsError(
        "VolumeLimitExceeded", f"You have exceeded your maximum storage limit of {limit} GiB in this Region."
    )
