"""Servers as instances: states, joins, and answers that AWS's own model accepts."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.types.block import Volume, VolumeAttachment
from adapters.types.compute import Address, AttachedVolume, Server, ServerFlavor
from adapters.types.network import FixedAddress, Port
from shim.ec2.engine.zones import ZoneNames
from shim.ec2.instances import facts as instance_facts
from shim.ec2.instances import instances
from shim.ec2.instances import rows as instance_rows
from shim.ec2.instances import states as instance_states
from shim.ec2.instances.rows import InstanceContext
from shim.ec2.launch import repeated as launch_memory
from shim.ec2.network.interface_rows import APART, ENDS, NetworkContext
from shim.ec2.network.layout import VpcLayout
from shim.ec2.service import ec2
from shim.protocol.message import Head, Request
from shim.protocol.xml.rows import Written

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID = "0123abcd-0123-4567-89ab-0123456789ab"
SERVER = Server(
    id=ID, name="a", project_id="p", status="ACTIVE", task_state=None, vm_state="active", host_id="h", zone="nova",
    created_at=NOW, launched_at=NOW, terminated_at=None,
    flavor=ServerFlavor("m1.tiny", 1, 512, 1), image_id=ID, key_name=None, metadata={},
    addresses=(
        Address("10.0.0.5", 4, "m2", floating=False),
        Address("172.24.0.9", 4, "m2", floating=True),
        Address("10.0.1.5", 4, "m1", floating=False),
    ),
    volumes=(),
)  # fmt: skip
GROUP, NET = "a" * 32, "b" * 32
REQUEST = Request(Head("POST", b"/", b"", ()), form=(("Action", "DescribeInstances"), ("Version", "2016-11-15")))


def port(name: str, mac: str, address: str) -> Port:
    return Port(
        id=name * 32, name="", description="", project_id="p", network_id=NET, mac=mac, status="ACTIVE",
        device_id=ID, device_owner="compute:nova", fixed=(FixedAddress("c" * 32, address),),
        security_groups=(GROUP,), port_security=True, created_at=NOW, tags=(),
    )  # fmt: skip


def volume(name: str, device: str, **more: Any) -> Volume:
    made = Volume(
        id=name * 32, name="", project_id="p", status="in-use", size=1, zone="nova", type="", snapshot_id=None,
        created_at=NOW, encrypted=False, multiattach=False, bootable=False, metadata={},
        attachments=(VolumeAttachment("x", ID, device, NOW),),
    )  # fmt: skip
    return replace(made, **more)


CONTEXT = InstanceContext(
    NetworkContext(
        ports={ID: [port("1", "m1", "10.0.1.5"), port("2", "m2", "10.0.0.5")]},
        groups={GROUP: "web"},
        layout=VpcLayout({}, {}, None),
        region="us-east-1",
        account="123456789012",
        zones=ZoneNames("eu-west-3", ("zone-b", "nova")),
    ),
    volumes={one.id: one for one in (volume("3", "/dev/vdb"), volume("4", "/dev/vda"))},
    public={"2" * 32: {"10.0.0.5": {"PublicIp": "172.24.0.9"}}},
)


@pytest.mark.parametrize(
    ("status", "task", "expected"),
    [
        ("BUILD", "spawning", "pending"),
        ("ACTIVE", None, "running"),
        ("ACTIVE", "powering-off", "stopping"),
        ("ACTIVE", "deleting", "shutting-down"),
        ("SHUTOFF", None, "stopped"),
        ("SHUTOFF", "powering-on", "pending"),
        ("PAUSED", None, "stopped"),
        ("SHELVED_OFFLOADED", None, "stopped"),
        ("REBOOT", "rebooting", "running"),
        ("VERIFY_RESIZE", None, "running"),
        ("ERROR", None, "running"),
        ("ERROR", "deleting", "shutting-down"),
        ("DELETED", None, "terminated"),
        ("SOFT_DELETED", None, "terminated"),
        ("SOMETHING_NEW", None, "running"),
    ],
)
def test_states(status: str, task: str | None, expected: str) -> None:
    assert instance_states.state(replace(SERVER, status=status, task_state=task)) == expected


@pytest.mark.parametrize(
    ("fault", "code"),
    [("No valid host was found.", "Server.InsufficientInstanceCapacity"), ("Boom", "Server.InternalError")],
)
def test_what_never_ran_is_terminated_for_a_reason(fault: str, code: str) -> None:
    row = instance_rows.instance(replace(SERVER, status="ERROR", launched_at=None, fault=fault), CONTEXT)
    assert row["State"]["Name"] == "terminated"
    assert row["StateReason"]["Code"] == code
    assert fault in row["StateTransitionReason"]


def test_a_launch_says_that_it_is_pending() -> None:
    """As the answer of AWS's example of `run-instances` does; a running instance has no StateReason."""
    row = instance_rows.instance(replace(SERVER, status="BUILD"), CONTEXT)
    assert row["StateReason"] == {"Code": "pending", "Message": "pending"}
    assert row["StateTransitionReason"] == ""
    assert instance_rows.instance(SERVER, CONTEXT)["StateReason"] is None


def test_the_first_interface_is_novas_first() -> None:
    row = instance_rows.instance(SERVER, CONTEXT)
    assert [one["MacAddress"] for one in row["NetworkInterfaces"]] == ["m2", "m1"]
    assert [one["Attachment"]["DeviceIndex"] for one in row["NetworkInterfaces"]] == [0, 1]
    assert (row["PrivateIpAddress"], row["PublicIpAddress"]) == ("10.0.0.5", "172.24.0.9")
    assert row["PrivateDnsName"] == "ip-10-0-0-5.ec2.internal"
    assert row["NetworkInterfaces"][0]["Association"]["PublicIp"] == "172.24.0.9"
    assert row["NetworkInterfaces"][1]["Association"] is None
    assert row["SecurityGroups"] == [{"GroupId": f"sg-{GROUP}", "GroupName": "web"}]


def test_ports_that_outlive_the_instance() -> None:
    first, second = CONTEXT.network.ports[ID]
    for tags, kept in (((APART,), True), ((f"{ENDS}false",), True), ((APART, f"{ENDS}true"), False), ((), False)):
        ports = {ID: [replace(first, tags=tags), second]}
        row = instance_rows.instance(SERVER, replace(CONTEXT, network=replace(CONTEXT.network, ports=ports)))
        told = {one["MacAddress"]: one["Attachment"]["DeleteOnTermination"] for one in row["NetworkInterfaces"]}
        assert told == {"m1": not kept, "m2": True}, tags


def test_volumes_and_the_root_among_them() -> None:
    server = replace(SERVER, volumes=(AttachedVolume("3" * 32, False), AttachedVolume("4" * 32, True)))
    row = instance_rows.instance(server, CONTEXT)
    assert [one["DeviceName"] for one in row["BlockDeviceMappings"]] == ["/dev/sda1", "/dev/vdb"]
    assert [one["Ebs"]["DeleteOnTermination"] for one in row["BlockDeviceMappings"]] == [True, False]
    assert (row["RootDeviceName"], row["RootDeviceType"]) == ("/dev/sda1", "ebs")
    assert instance_rows.instance(SERVER, CONTEXT)["RootDeviceType"] == "ebs"


def test_what_is_terminated_holds_neither_volumes_nor_interfaces() -> None:
    """Nova, Cinder and Neutron still list them shortly after a server's deletion; the row must not change any more."""
    server = replace(SERVER, status="DELETED", volumes=(AttachedVolume("4" * 32, True),), image_id=None)
    row = instance_rows.instance(server, CONTEXT)
    assert (row["BlockDeviceMappings"], row["NetworkInterfaces"], row["SecurityGroups"]) == ([], [], [])
    nothing = replace(CONTEXT, network=replace(CONTEXT.network, ports={}), volumes={})
    assert row == instance_rows.instance(replace(server, volumes=()), nothing)


def test_the_root_of_a_server_without_an_image_is_a_volume() -> None:
    """Nova lists volumes once they are created, and no longer after the server's deletion."""
    for status in ("BUILD", "DELETED"):
        row = instance_rows.instance(replace(SERVER, status=status, image_id=None), CONTEXT)
        assert row["RootDeviceType"] == "ebs"


def test_a_volume_nobody_else_knows_of_still_has_a_name() -> None:
    row = instance_rows.instance(replace(SERVER, volumes=(AttachedVolume("9" * 32, True),)), CONTEXT)
    (device,) = row["BlockDeviceMappings"]
    assert device["Ebs"]["VolumeId"] == f"vol-{'9' * 32}"
    assert device["DeviceName"]


def test_lists_read_side_by_side() -> None:
    gone = replace(SERVER, status="DELETED")
    for live, changed, expected in (
        ([SERVER], [gone], "DELETED"),
        ([], [gone], "DELETED"),
        ([SERVER], [], "ACTIVE"),
        ([], [SERVER], "ACTIVE"),
        ([replace(SERVER, status="SHUTOFF")], [SERVER], "SHUTOFF"),
    ):
        (found,) = instances.merged(live, changed)
        assert found.status == expected


def test_reservations_are_put_together() -> None:
    shared = {instance_facts.RESERVATION: "d" * 32}
    servers = [
        replace(SERVER, id="2" * 32, metadata={**shared, instance_facts.INDEX: "1"}),
        replace(SERVER, id="1" * 32, metadata=shared),
        replace(SERVER, id="3" * 32),
    ]
    first, second = instances.grouped([instance_rows.reservation(server, CONTEXT) for server in servers])
    assert first["ReservationId"] == f"r-{'d' * 32}"
    assert [one["AmiLaunchIndex"] for one in first["Instances"]] == [0, 1]
    assert [one["InstanceId"] for one in second["Instances"]] == [f"i-{'3' * 32}"]


@pytest.mark.parametrize("odd", ["¹", "٣", "x", "-1", "", "9" * 200])
def test_an_index_that_is_none_is_none(odd: str) -> None:
    """Anybody who may change a server can write its metadata."""
    server = replace(SERVER, metadata={instance_facts.INDEX: odd})
    assert instance_rows.instance(server, CONTEXT)["AmiLaunchIndex"] == 0
    assert launch_memory.number(replace(server, description=f"ec2-ct-1 2 {odd}")) == 0


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
SERVERS = st.builds(
    replace,
    st.just(SERVER),
    status=st.sampled_from(["BUILD", "ACTIVE", "SHUTOFF", "ERROR", "DELETED", "SHELVED", "UNKNOWN"]),
    task_state=st.sampled_from([None, "deleting", "spawning", "powering-off"]),
    zone=st.sampled_from(["", "nova"]),
    host_id=st.sampled_from(["", "h"]),
    launched_at=st.sampled_from([None, NOW]),
    terminated_at=st.sampled_from([None, NOW]),
    image_id=st.sampled_from([None, ID]),
    key_name=st.none() | TEXT,
    metadata=st.dictionaries(
        st.sampled_from(["tag:a", *(v for n, v in vars(instance_facts).items() if n.isupper() and isinstance(v, str))]),
        TEXT,
    ),
    addresses=st.sampled_from([(), SERVER.addresses]),
    volumes=st.sampled_from([(), (AttachedVolume("3" * 32, True), AttachedVolume("9" * 32, False))]),
    fault=TEXT,
)


@given(SERVERS)
def test_members_that_are_kept_as_xml_are_written_as_others(server: Server) -> None:
    row = instance_rows.reservation(server, CONTEXT)
    assert any(type(value) is Written for value in row["Instances"][0].values())
    assert written({"Reservations": [row]}) == written({"Reservations": [unwritten(row)]})


def written(result: Mapping[str, Any]) -> Any:
    return ec2.reply(ec2.operations["DescribeInstances"], result, request_id="r", request=REQUEST).body


def unwritten(value: Any) -> Any:
    """Return a copy that is made of plain mappings and lists."""
    if isinstance(value, Mapping):
        return {name: unwritten(one) for name, one in value.items()}
    return [unwritten(one) for one in value] if isinstance(value, list) else value


@given(SERVERS, st.booleans())
def test_every_server_can_be_written(server: Server, joined: bool) -> None:
    context = CONTEXT if joined else replace(CONTEXT, network=replace(CONTEXT.network, ports={}, groups={}), volumes={})
    result = {"Reservations": [instance_rows.reservation(server, context)]}
    reply = ec2.reply(ec2.operations["DescribeInstances"], result, request_id="r", request=REQUEST)
    assert reply.status == 200
