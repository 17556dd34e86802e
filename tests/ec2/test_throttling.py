"""Token buckets: each account has its own, of AWS's sizes, and they do not grow without bounds."""

import pytest

from shim.ec2.throttling import CHANGES, READS, UNFILTERED, Buckets, rate_of
from shim.errors import AwsError


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_a_bucket_empties_and_fills_again() -> None:
    clock = Clock()
    buckets = Buckets(clock)
    for _ in range(5):
        buckets.take("1", "RunInstances", {})
    with pytest.raises(AwsError) as refused:
        buckets.take("1", "RunInstances", {})
    assert (refused.value.code, refused.value.status) == ("RequestLimitExceeded", 503)
    buckets.take("2", "RunInstances", {})  # another account's
    buckets.take("1", "StartInstances", {})  # another action's
    clock.now += 0.5
    buckets.take("1", "RunInstances", {})
    with pytest.raises(AwsError):
        buckets.take("1", "RunInstances", {})


def test_categories() -> None:
    assert rate_of("DescribeInstances", {}) == UNFILTERED
    assert rate_of("DescribeInstances", {"InstanceIds": ["i-1"]}) == READS
    assert rate_of("DescribeInstances", {"MaxResults": 5}) == READS
    assert rate_of("GetConsoleOutput", {}) == READS
    assert rate_of("CreateVolume", {}) == CHANGES


def test_the_least_recently_used_bucket_is_dropped() -> None:
    buckets = Buckets(Clock(), most=10)
    for account in range(100):
        buckets.take(str(account), "CreateVolume", {})
    assert len(buckets) == 10
