"""Volume types that the operator names for encryption, against what Cinder has and makes."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.block import BlockZone, NewVolume, Snapshot, Volume, VolumeType
from adapters.types.network import SubnetPool
from shim.config import Settings
from shim.ec2.volumes.default_encryption import (
    disable_ebs_encryption_by_default,
    enable_ebs_encryption_by_default,
    get_ebs_encryption_by_default,
)
from shim.ec2.volumes.modifications import modify_volume
from shim.ec2.volumes.snapshot_copies import copy_snapshot
from shim.ec2.volumes.volumes import create_volume, describe_volumes
from shim.errors import AwsError
from tests.ec2.acting import act
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.instances.test_instance_rows import volume
from tests.ec2.test_half_done import call

ID = "0123abcd-0123-4567-89ab-0123456789ab"
SEALED = volume("0", "", id=ID, status="available", attachments=(), type="luks", encrypted=True)


class Cinder(Counted):
    """A Cinder with some volume types; `like` is what becomes of each volume that is made."""

    def __init__(self, *types: str, like: Volume = SEALED) -> None:
        super().__init__(Counter(), zones=[BlockZone("nova", True)])
        self.types, self.like = types, like
        self.made: list[Volume] = []

    async def volume_types(self) -> list[VolumeType]:
        return [VolumeType(name, name, {}) for name in self.types]

    async def create_volume(self, new: NewVolume) -> Volume:
        self.made.append(replace(self.like, type=new.type or "", metadata=new.metadata))
        return self.made[-1]

    async def volumes(self, *, metadata: Mapping[str, str] | None = None, **_: object) -> list[Volume]:
        return [one for one in self.made if (metadata or {}).items() <= one.metadata.items()]

    async def volume(self, id: str) -> Volume:
        return self.made[0]

    async def set_volume_metadata(self, id: str, items: Mapping[str, str]) -> None:
        self.made[0] = replace(self.made[0], metadata={**self.made[0].metadata, **items})

    async def delete_volume_metadata(self, id: str, name: str) -> None:
        left = {one: value for one, value in self.made[0].metadata.items() if one != name}
        self.made[0] = replace(self.made[0], metadata=left)

    async def delete_volume(self, id: str) -> None:
        self.made = [one for one in self.made if one.id != id]

    async def snapshot(self, id: str) -> Snapshot:
        return Snapshot(id, "", "", "p", ID, "available", 1, "", datetime.now(UTC), {})


def asked(
    cinder: Cinder, action: Any, types: Mapping[str, str], *, records: Sequence[SubnetPool] = (), **params: Any
) -> Any:
    counts = Counter[str]()
    network = Counted(counts, subnet_pools=list(records))
    here = call("", block=cinder, compute=Counted(Counter()), network=network)
    here.settings = Settings.model_validate({"ec2_encrypted_volume_types": dict(types)})
    return asyncio.run(act(action, here, params))


def created(cinder: Cinder, types: Mapping[str, str], **more: Any) -> Any:
    return asked(cinder, create_volume, types, Size=1, AvailabilityZone="nova", Encrypted=True, **more)


@pytest.mark.parametrize("params", [{}, {"VolumeType": "gp2"}])
def test_no_volume_is_made_with_a_type_that_cinder_does_not_have(params: dict[str, str]) -> None:
    cinder = Cinder("gp2")
    with pytest.raises(AwsError) as caught:
        created(cinder, {"gp2": "luks"}, **params)
    assert caught.value.code == "UnsupportedOperation"
    assert cinder.made == []


def test_a_repetition_looks_at_what_a_killed_gateway_did_not() -> None:
    cinder = Cinder("luks")
    answer = created(cinder, {"gp2": "luks"}, ClientToken="token")
    assert created(cinder, {"gp2": "luks"}, ClientToken="token")["VolumeId"] == answer["VolumeId"]
    cinder.made = [replace(one, encrypted=False) for one in cinder.made]
    with pytest.raises(AwsError) as caught:
        created(cinder, {"gp2": "luks"}, ClientToken="token")
    assert caught.value.code == "UnsupportedOperation"
    assert len(cinder.made) == 1  # it may hold data by now


ON = (SubnetPool("1", "ec2 ebs-encryption-by-default", "p", ()),)
OTHERS = (SubnetPool("2", "ec2 ebs-encryption-by-default", "q", ()), SubnetPool("3", "pool", "p", ()))


@pytest.mark.parametrize(("records", "encrypted"), [(ON, True), (OTHERS, False), ((), False)])
def test_the_default_is_that_of_the_projects_own_record(records: Sequence[SubnetPool], encrypted: bool) -> None:
    cinder, types = Cinder("luks", "gp3"), {"gp3": "luks"}
    answer = asked(cinder, get_ebs_encryption_by_default, types, records=records)
    assert answer == {"EbsEncryptionByDefault": encrypted, "SseType": "sse-ebs" if encrypted else "none"}
    new: dict[str, Any] = {"Size": 1, "AvailabilityZone": "nova", "VolumeType": "gp3", "Encrypted": False}
    asked(cinder, create_volume, types, records=records, **new)
    assert [one.type for one in cinder.made] == ["luks" if encrypted else "gp3"]


def test_what_no_type_encrypts_is_refused_while_encryption_is_the_default() -> None:
    cinder = Cinder("luks", "gp2", like=replace(SEALED, encrypted=False))
    cinder.made = [cinder.like]
    snapshot = "snap-" + ID.replace("-", "")
    wanted: list[tuple[Any, dict[str, Any]]] = [
        (create_volume, {"Size": 1, "AvailabilityZone": "nova", "VolumeType": "gp2"}),
        (create_volume, {"SnapshotId": snapshot, "AvailabilityZone": "nova"}),
        (copy_snapshot, {"SourceSnapshotId": snapshot, "SourceRegion": "us-east-1"}),
    ]
    for action, params in wanted:
        with pytest.raises(AwsError) as caught:
            asked(cinder, action, {"gp3": "luks"}, records=ON, **params)
        assert caught.value.code == "UnsupportedOperation", params
    assert cinder.made == [cinder.like]


def test_a_volume_that_was_made_before_is_the_answer_of_its_token_afterwards() -> None:
    cinder, types = Cinder("luks", like=replace(SEALED, encrypted=False)), {"gp2": "luks"}
    new: dict[str, Any] = {"Size": 1, "AvailabilityZone": "nova", "ClientToken": "token"}
    made = asked(cinder, create_volume, types, **new)
    assert asked(cinder, create_volume, types, records=ON, **new)["VolumeId"] == made["VolumeId"]
    assert len(cinder.made) == 1


@pytest.mark.parametrize("params", [{"SnapshotId": "snap-" + ID.replace("-", "")}, {"VolumeType": "gp3"}])
def test_a_repetition_is_not_refused_what_only_a_new_volume_is(params: dict[str, Any]) -> None:
    cinder, types = Cinder("luks", "gp3", like=replace(SEALED, encrypted=False)), {"gp2": "luks"}
    cinder.made = [cinder.like]  # the snapshot's
    new: dict[str, Any] = {"Size": 1, "AvailabilityZone": "nova", "ClientToken": "token", **params}
    made = asked(cinder, create_volume, types, **new)
    cinder.made = cinder.made[1:]
    assert asked(cinder, create_volume, types, records=ON, **new)["VolumeId"] == made["VolumeId"]


def test_a_plain_volume_of_a_type_that_was_to_encrypt_outlives_its_repetition() -> None:
    """The operator names `cheap`, which encrypts nothing and is also what Cinder gives a gp3 that it does not have."""
    cinder, types = Cinder("cheap", like=replace(SEALED, encrypted=False)), {"gp2": "cheap"}
    new: dict[str, Any] = {"Size": 1, "AvailabilityZone": "nova", "VolumeType": "gp3", "ClientToken": "token"}
    made = asked(cinder, create_volume, types, **new)
    cinder.made = [replace(one, type="cheap") for one in cinder.made]
    assert asked(cinder, create_volume, types, **new)["VolumeId"] == made["VolumeId"]
    with pytest.raises(AwsError):
        asked(cinder, create_volume, types, records=ON, **new)
    assert len(cinder.made) == 1


class Incompatible(Cinder):
    """A Cinder that keeps volumes of snapshots on the snapshot's type, and says so in its words."""

    async def create_volume(self, new: NewVolume) -> Volume:
        if new.snapshot_id and new.type:
            detail = "Invalid input received: requested type is not compatible"
            raise BackendError(Fault.INVALID, service="block-storage", detail=detail)
        return await super().create_volume(new)


def test_a_type_that_encrypts_is_never_left_out_for_a_snapshot() -> None:
    cinder = Incompatible("gp3", "gp2", like=replace(SEALED, encrypted=False))
    cinder.made = [cinder.like]
    new: dict[str, Any] = {"AvailabilityZone": "nova", "SnapshotId": "snap-" + ID.replace("-", "")}
    with pytest.raises(BackendError):
        asked(cinder, create_volume, {"gp3": "gp3"}, VolumeType="gp3", **new)
    assert cinder.made == [cinder.like]
    asked(cinder, create_volume, {"gp3": "gp3"}, VolumeType="gp2", **new)
    assert len(cinder.made) == 2


def test_it_is_switched_off_also_where_no_type_encrypts_any_more() -> None:
    deleted: list[str] = []

    class Neutron(Counted):
        async def delete_subnet_pool(self, id: str) -> None:
            deleted.append(id)

    here = call("", network=Neutron(Counter[str](), subnet_pools=[*ON, *OTHERS]))
    asyncio.run(act(disable_ebs_encryption_by_default, here, {}))
    assert deleted == ["1"]


def test_without_types_that_encrypt_nobody_is_asked() -> None:
    counts = Counter[str]()
    here = call("", network=Counted(counts, subnet_pools=list(ON)))
    assert asyncio.run(act(get_ebs_encryption_by_default, here, {}))["EbsEncryptionByDefault"] is False
    with pytest.raises(AwsError) as caught:
        asyncio.run(act(enable_ebs_encryption_by_default, here, {}))
    assert caught.value.code == "UnsupportedOperation"
    assert counts == {}


class Apart(Cinder):
    """A Cinder of several hosts: a volume of a snapshot has the snapshot's type, and no other."""

    async def create_volume(self, new: NewVolume) -> Volume:
        if new.snapshot_id and new.type:
            said = "Invalid volume_type provided: 1 (requested type is not compatible; recommend omitting the type "
            raise BackendError(Fault.INVALID, service="block-storage", resource="volume", detail=f"{said}argument).")
        return await super().create_volume(new)


@pytest.mark.parametrize("kind", ["gp2", "gp3"])
def test_a_volume_of_a_snapshot_has_its_type_where_cinder_gives_it_no_other(kind: str) -> None:
    cinder = Apart(kind, "fast", like=replace(SEALED, encrypted=False))
    new: dict[str, Any] = {"SnapshotId": "snap-" + ID.replace("-", ""), "AvailabilityZone": "nova"}
    assert asked(cinder, create_volume, {}, VolumeType=kind, **new)["VolumeType"] == kind
    assert [one.type for one in cinder.made] == [""]
    with pytest.raises((AwsError, BackendError)):  # what the cloud's own type promises is not replaced
        asked(cinder, create_volume, {}, VolumeType="fast", **new)
    assert len(cinder.made) == 1


def test_a_volume_is_not_changed_to_a_type_that_cinder_does_not_have() -> None:
    cinder = Cinder("luks")
    created(cinder, {"gp2": "luks"})
    with pytest.raises(AwsError) as caught:
        asked(
            cinder, modify_volume, {"gp2": "luks", "gp3": "gone"}, VolumeId=f"vol-{ID.replace('-', '')}",
            VolumeType="gp3",
        )  # fmt: skip
    assert caught.value.code == "UnsupportedOperation"


def shown(cinder: Cinder, types: Mapping[str, str]) -> tuple[str, bool]:
    [row] = asked(cinder, describe_volumes, types)["Volumes"]
    return row["VolumeType"], "Iops" in row


BOTH = {"gp2": "luks", "gp3": "luks"}


@pytest.mark.parametrize(
    ("params", "kind"), [({}, "gp2"), ({"VolumeType": "gp2"}, "gp2"), ({"VolumeType": "gp3"}, "gp3")]
)
@pytest.mark.parametrize("types", [BOTH, dict(reversed(BOTH.items()))])
def test_one_type_that_encrypts_for_several_is_shown_as_it_was_asked(
    types: dict[str, str], params: dict[str, str], kind: str
) -> None:
    cinder = Cinder("luks")
    assert created(cinder, types, **params)["VolumeType"] == kind
    assert shown(cinder, types) == (kind, kind == "gp3")
    for other in ("gp3", "gp2", "gp3"):
        asked(cinder, modify_volume, types, VolumeId=f"vol-{ID.replace('-', '')}", VolumeType=other)
        assert shown(cinder, types)[0] == other


def test_what_another_tool_made_is_shown_as_the_first_that_it_encrypts_for() -> None:
    cinder = Cinder("luks")
    cinder.made = [SEALED]
    assert shown(cinder, BOTH) == ("gp2", False)


def test_a_type_with_a_name_of_aws_is_shown_under_it() -> None:
    cinder, types = Cinder("gp3", like=replace(SEALED, type="gp3")), {"gp2": "gp3"}
    assert created(cinder, types, VolumeType="gp2")["VolumeType"] == "gp2"
    cinder.made.clear()
    asked(cinder, create_volume, types, Size=1, AvailabilityZone="nova", VolumeType="gp3")
    assert shown(cinder, types) == ("gp3", True)
