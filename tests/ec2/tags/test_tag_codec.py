"""Tags through the stores' codecs: every tag that AWS allows is read back, within the store's limits."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from shim.ec2.tags import codec as tag_codec

CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"])
KEYS = st.one_of(
    st.text(CHARACTERS, min_size=1, max_size=128),
    st.text("abAB:/,=% .", min_size=1, max_size=128),
    st.sampled_from(["Name", "name", "NAME", "kubernetes.io/cluster/x", "aws:cloudformation:stack", "t64:0:1", "é"]),
)
VALUES = st.one_of(
    st.text(CHARACTERS, max_size=256), st.text("ab=,%/ ", max_size=256), st.text("x", min_size=254, max_size=256)
)
TAGS = st.dictionaries(KEYS, VALUES, max_size=8)

NOVA_KEY = re.compile(r"[a-zA-Z0-9-_:. ]{1,255}")


@given(TAGS)
def test_metadata_gives_back_what_it_was_given(tags: dict[str, str]) -> None:
    items = tag_codec.to_metadata(tags) | {"ec2:ct": "token", "somebody": "else"}
    assert tag_codec.from_metadata(items) == dict(sorted(tags.items()))


@given(TAGS)
def test_metadata_stays_within_nova(tags: dict[str, str]) -> None:
    items = tag_codec.to_metadata(tags)
    assert all(NOVA_KEY.fullmatch(key) and len(value) <= 255 for key, value in items.items())
    assert len({key.lower().rstrip() for key in items}) == len(items)


@given(TAGS)
def test_metadata_finds_every_item_of_a_tag(tags: dict[str, str]) -> None:
    items = tag_codec.to_metadata(tags) | {"ec2:ct": "token"}
    for key in tags:
        for item in tag_codec.metadata_items(items, key):
            del items[item]
    assert items == {"ec2:ct": "token"}


@given(TAGS)
def test_neutron_gives_back_what_it_was_given(tags: dict[str, str]) -> None:
    found = tag_codec.to_neutron(tags)
    assert tag_codec.from_neutron([*found, "ec2:vpc", "somebody=else"]) == dict(sorted(tags.items()))


@given(TAGS)
def test_neutron_stays_within_neutron(tags: dict[str, str]) -> None:
    found = tag_codec.to_neutron(tags)
    assert all(0 < len(item) <= 255 and "/" not in item and "," not in item for item in found)
    assert all(item == item.strip(" ") for item in found)
    assert len({item.lower() for item in found}) == len(found)


@given(TAGS)
def test_neutron_finds_every_string_of_a_tag(tags: dict[str, str]) -> None:
    found = tag_codec.to_neutron(tags)
    held = [item for key in tags for item in tag_codec.neutron_items(found, key)]
    assert sorted(held) == sorted(found)


def test_ordinary_tags_stay_readable() -> None:
    assert tag_codec.to_metadata({"Name": "web 1", "env": ""}) == {"tag:Name": "web 1", "tag:env": ""}
    assert tag_codec.to_neutron({"Name": "web 1"})[0].endswith(":Name=web 1")


def test_a_tag_that_differs_in_case_from_one_on_the_resource_does_not_meet_it() -> None:
    items = tag_codec.to_metadata({"name": "b"}, present=["Name"])
    assert not any(item.lower() == "tag:name" for item in items)


def test_thirty_eight_usual_tags_fit_a_neutron_resource() -> None:
    tags = {f"kubernetes.io/cluster/{i}": "x" * 200 for i in range(tag_codec.NEUTRON_TAGS)}
    assert len(tag_codec.to_neutron(tags)) == tag_codec.NEUTRON_TAGS


def test_damaged_chunks_are_passed_over() -> None:
    items = tag_codec.to_metadata({"é": "x" * 256})
    items.pop(next(iter(items)))
    assert tag_codec.from_metadata(items | {"t64:0123456789abcdef:0:1": "e30="}) == {}
