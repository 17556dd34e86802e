"""A launch and the project's limits: read once, refused before anything is created, used up to MaxCount."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from adapters.errors import Fault
from adapters.types.block import BlockLimits
from adapters.types.compute import BlockDevice, ComputeLimits
from shim.ec2.launch.limits import allowed
from shim.errors import AwsError
from tests.ec2.launch.test_launch_half_done import UNLIMITED, Nova, launched, run
from tests.ec2.launch.test_launch_request import FLAVOR, read

LARGE = replace(FLAVOR, vcpus=4, ram=2048)
VOLUMES = (BlockDevice("image", "i", size=10, boot_index=0), BlockDevice("blank", None, size=5))
BLOCK = BlockLimits(volumes=-1, gigabytes=-1, volumes_used=0, gigabytes_used=0)


def limited(**more: int) -> ComputeLimits:
    return replace(UNLIMITED, **more)


@pytest.mark.parametrize(
    ("limits", "room"),
    [
        (limited(), 20),
        (limited(instances=10, instances_used=3), 7),
        (limited(cores=20, cores_used=3), 4),
        (limited(ram=16384, ram_used=4096), 6),
        (limited(instances=10, cores=20, ram=4096), 2),
        (limited(instances=2, instances_used=0, cores=8, ram=4096), 2),
    ],
)
def test_as_many_as_there_is_room_for(limits: ComputeLimits, room: int) -> None:
    assert allowed(1, 20, LARGE, limits) == room
    assert allowed(room, room, LARGE, limits) == room


@pytest.mark.parametrize(
    ("limits", "code", "words"),
    [
        (limited(instances=10, instances_used=3), "InstanceLimitExceeded", "more instances (8) than your current"),
        (limited(instances=10, instances_used=12), "InstanceLimitExceeded", "instance limit of 10"),
        (limited(cores=20), "VcpuLimitExceeded", "more vCPU capacity than your current vCPU limit of 20 allows"),
        (limited(ram=8192), "InstanceLimitExceeded", "limit of 8192 MiB"),
    ],
)
def test_less_than_the_least_is_refused_in_awss_words(limits: ComputeLimits, code: str, words: str) -> None:
    with pytest.raises(AwsError) as refused:
        allowed(8, 20, LARGE, limits)
    assert (refused.value.code, refused.value.status) == (code, 400)
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("block", "room"),
    [
        (replace(BLOCK, volumes=10, volumes_used=1), 4),
        (replace(BLOCK, gigabytes=100, gigabytes_used=20), 5),
    ],
)
def test_volumes_count_too(block: BlockLimits, room: int) -> None:
    assert allowed(1, 20, LARGE, UNLIMITED, VOLUMES, block) == room
    with pytest.raises(AwsError) as refused:
        allowed(room + 1, 20, LARGE, UNLIMITED, VOLUMES, block)
    assert refused.value.code == "VolumeLimitExceeded"


def test_a_disk_of_the_flavors_own_is_no_volume() -> None:
    own = (BlockDevice("image", "i", boot_index=0, local=True),)
    assert allowed(1, 20, LARGE, UNLIMITED, own, replace(BLOCK, volumes=0)) == 20


class Limited(Nova):
    """A Nova with limits, which counts the requests for them."""

    def __init__(self, limits: ComputeLimits) -> None:
        super().__init__(1000, Fault.QUOTA, "")
        self._lists["limits"] = limits

    @property
    def counts(self) -> Counter[str]:
        return self._counts


@pytest.mark.parametrize("more", [{}, {"ClientToken": "token"}])
def test_nothing_is_made_where_there_is_no_room(more: dict[str, Any]) -> None:
    nova = Limited(limited(instances=10))
    with pytest.raises(AwsError) as refused:
        launched(nova, MinCount=11, MaxCount=20, **more)
    assert refused.value.code == "InstanceLimitExceeded"
    assert (nova.made, nova.counts["limits"]) == (0, 1)


def test_as_many_are_made_as_the_limits_allow() -> None:
    nova = Limited(limited(instances=10, instances_used=4))
    assert len(run(nova, MinCount=2, MaxCount=20)) == nova.made == 6
    assert nova.counts["limits"] == 1


def test_one_launch_is_bounded_by_a_setting() -> None:
    nova = Nova(1000, Fault.QUOTA, "")
    with pytest.raises(AwsError) as refused:
        launched(nova, MinCount=101, MaxCount=101)
    assert refused.value.code == "InstanceLimitExceeded"
    assert "(101) than your current instance limit of 100" in refused.value.message
    assert nova.made == 0
    assert len(run(nova, MinCount=1, MaxCount=101)) == 100


def test_the_bound_is_the_settings() -> None:
    with pytest.raises(AwsError):
        read(MinCount=1001, MaxCount=1001)
    assert read(MinCount=1, MaxCount=5000).most == 1000
