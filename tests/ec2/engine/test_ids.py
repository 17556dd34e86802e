"""Ids: computed, reversible, and AWS's error codes for invalid ones."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.ec2.engine import ids
from shim.ec2.engine import resource_types as resource_types
from shim.errors import AwsError

prefixed = st.sampled_from([resource_type for resource_type in resource_types.RESOURCE_TYPES if resource_type.prefix])


@given(prefixed, st.uuids())
def test_an_id_leads_back_to_its_uuid(resource_type: resource_types.ResourceType, uuid: UUID) -> None:
    written = ids.aws(resource_type.prefix, str(uuid))
    assert written == f"{resource_type.prefix}-{uuid.hex}"
    assert ids.uuid(resource_type, written) == str(uuid)
    assert ids.type_of_id(written) is resource_type


@given(prefixed, st.integers(1, 17))
def test_ids_of_aws_own_lengths_and_shorter_ones_name_nothing_here(
    resource_type: resource_types.ResourceType, digits: int
) -> None:
    foreign = f"{resource_type.prefix}-{'0' * digits}"
    ids.check(resource_type, foreign)
    with pytest.raises(AwsError) as refused:
        ids.uuid(resource_type, foreign)
    assert refused.value.code == resource_type.not_found
    assert foreign in refused.value.message


@given(prefixed, st.text())
def test_anything_else_is_malformed(resource_type: resource_types.ResourceType, id: str) -> None:
    with pytest.raises(AwsError) as refused:
        ids.uuid(resource_type, id)
    assert refused.value.code == resource_type.malformed
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "id", ["", "vol-", "vol-x", "vol-" + "0" * 18, "vol-" + "0" * 33, "vol-" + "F" * 32, "VOL-" + "0" * 32,
           "i-" + "0" * 32, " vol-" + "0" * 32, "vol-" + "0" * 32 + "\n", "vol-" + "g" * 32]
)  # fmt: skip
def test_near_misses_are_malformed(id: str) -> None:
    with pytest.raises(AwsError, match="Invalid id") as refused:
        ids.check(resource_types.VOLUME, id)
    assert refused.value.code == "InvalidVolumeID.Malformed"


def test_kinds_without_a_prefix_are_named_by_any_word() -> None:
    ids.check(resource_types.INSTANCE_TYPE, "m1.tiny")


def test_every_missing_id_is_named() -> None:
    one, two = (f"i-{digit * 17}" for digit in "12")
    assert ids.missing(resource_types.INSTANCE, [one]).message == f"The instance ID '{one}' does not exist"
    assert ids.missing(resource_types.INSTANCE, [one, two]).message == f"The instance IDs '{one}, {two}' do not exist"


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_derived_ids_differ_where_their_parts_differ(one: list[str], other: list[str]) -> None:
    same = ids.derived("key", *one) == ids.derived("key", *other)
    assert same is (one == other)


def test_derived_ids_are_for_ever() -> None:
    # Clients keep ids; a release must not change them.
    assert ids.derived("key", "user", "name") == "key-72ecfd4bd8e85a97a783996e303d2a6b"


def test_prefixes_belong_to_one_kind() -> None:
    prefixes = [resource_type.prefix for resource_type in resource_types.RESOURCE_TYPES if resource_type.prefix]
    assert len(prefixes) == len(set(prefixes))


@pytest.mark.parametrize("id", ["ami_x", "i-x", "xyz-" + "0" * 32, ""])
def test_what_is_no_id_has_no_kind(id: str) -> None:
    assert ids.type_of_id(id) is None


def test_no_text_of_any_length_is_kept() -> None:
    before = ids._is_uuid.cache_info().currsize
    assert not any(ids.is_uuid("a" * length) for length in (0, 31, 33, 100_000))
    assert ids._is_uuid.cache_info().currsize == before
    assert ids.is_uuid("a" * 32)


def test_a_long_text_is_no_id() -> None:
    assert ids.type_of_id("vpc-" * 20_000 + "f" * 32) is None
