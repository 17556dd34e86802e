"""A container's metadata: any text is read back unchanged, and items of OpenStack's own tools are kept."""

from adapters.openstack.swift import headers as swift_headers

COUNTS = {"x-timestamp": "1795424400.0", "x-container-object-count": "0", "x-container-bytes-used": "0"}
LONG = "é" * 300 + "end"


def test_a_long_value_travels_in_pieces_and_leaves_none_behind() -> None:
    first = swift_headers.container_headers({"s3-a_b": LONG}, {}, 256)
    assert all(len(value.encode()) <= 256 for value in first.values())
    assert swift_headers.container("c", {**COUNTS, **first}).metadata == {"s3-a_b": LONG}
    shorter = swift_headers.container_headers({"s3-a_b": "x"}, first, 256)
    assert [value for value in shorter.values() if value] == ["x"]
    assert shorter.keys() == first.keys()
    assert set(swift_headers.container_headers({"s3-a_b": ""}, first, 256).values()) == {""}


def test_other_items_are_not_touched() -> None:
    present = {"x-container-meta-quota-bytes": "9", "x-container-meta-s3-b": "y", "x-container-read": ".r:*"}
    assert swift_headers.container_headers({"s3-a": "x"}, present, 256) == {"x-container-meta-s3-a": "x"}


def test_the_keys_of_temporary_urls_go_no_further() -> None:
    found = {"x-container-meta-temp-url-key": "k", "x-container-meta-temp-url-key-2": "k", "x-container-meta-a": "b"}
    assert swift_headers.container("c", {**COUNTS, **found}).metadata == {"a": "b"}
