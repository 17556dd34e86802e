"""Segments in as many manifests as a Swift asks for that has few segments, or few bytes, for each."""

import asyncio

import pytest

from adapters.errors import BackendError, Fault
from adapters.openstack.swift.info import limits_of
from adapters.openstack.swift.manifests import encoded, verdict
from adapters.types.objects import Limits, Segment

ESCAPED = "\u00e9\x01\udc80"  # one, two and three bytes of a name, six each in JSON


def laid(key: str, number: int) -> list[Segment]:
    return [Segment("b" * 63 + "+segments", f"{key}/{'u' * 48}/{one + 1}", 5 << 30, "e" * 32) for one in range(number)]


@pytest.mark.parametrize("key", ["k", "k" * 900, ESCAPED * 300], ids=["short", "long", "escaped"])
@pytest.mark.parametrize("limits", [Limits(segments=3, manifest_bytes=8192), Limits(manifest_bytes=20_000)], ids=str)
def test_each_group_fits(key: str, limits: Limits) -> None:
    segments = laid(key, 20)
    groups = limits.in_manifests(segments)
    assert [one for group in groups for one in group] == segments
    assert all(groups)
    for group in groups:
        assert len(group) <= limits.segments
        assert len(asyncio.run(encoded(group))) <= limits.manifest_bytes


def test_the_bytes_of_names_make_the_difference() -> None:
    limits = Limits(segments=1000, manifest_bytes=20_000)
    assert [len(limits.in_manifests(laid(key, 20))) for key in ("k", "k" * 900, ESCAPED * 300)] == [1, 2, 7]


def test_few_segments_are_one_group() -> None:
    segments = laid("k" * 1024, 1000)
    assert Limits().in_manifests(segments) == [segments]
    assert Limits().in_manifests([]) == [[]]


def test_a_server_without_nested_manifests_splits_by_the_number_alone() -> None:
    limits = Limits(segments=10, manifest_bytes=1, manifests=False)
    assert [len(group) for group in limits.in_manifests(laid("k", 12))] == [10, 2]


def test_info_tells_the_bytes() -> None:
    assert limits_of({"slo": {"max_manifest_size": 12345}}).manifest_bytes == 12345
    assert limits_of({"slo": {}}).manifest_bytes == 8 << 20


def test_a_verdict_of_404_is_of_the_container() -> None:
    """It is in the body of an answer that began with 202, and a PUT needs no object."""
    with pytest.raises(BackendError) as refused:
        verdict(b'{"Response Status": "404 Not Found", "Response Body": ""}', {}, "/c/k?multipart-manifest=put")
    assert (refused.value.fault, refused.value.resource) == (Fault.NOT_FOUND, "container")
