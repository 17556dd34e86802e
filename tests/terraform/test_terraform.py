"""A configuration's life from the first apply to its end, looked at from OpenStack's side at every step."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from tests.conftest import remove_bucket
from tests.ec2.conftest import eventually
from tests.support.clients import REGION, Boto
from tests.support.leftovers import inventory
from tests.support.names import native_uuid
from tests.terraform.conftest import ACCOUNT, Terraform, Workspace

pytestmark = [pytest.mark.tool, pytest.mark.timeout(900)]

IN_PLACE = {
    "aws_ebs_volume.data",
    "aws_instance.web",
    "aws_s3_bucket.files",
    "aws_s3_bucket_public_access_block.files",
    "aws_s3_object.text",
    "aws_security_group.inline",
}
HTTP = "aws_vpc_security_group_ingress_rule.http"


def natives(made: dict[str, str]) -> dict[str, str]:
    """Return OpenStack's UUID for each EC2 id."""
    return {kind: native_uuid(ec2_id) for kind, ec2_id in made.items()}


@pytest.fixture
def life(workspace: Workspace, name: str, smallest_type: str) -> Iterator[Terraform]:
    """The configuration `life`, ready to be applied; whatever is in its state at the end is destroyed."""
    with workspace("life").ready(name=name, instance_type=smallest_type) as terraform:
        yield terraform


def test_a_configurations_life(life: Terraform, name: str, openstack_alt: Connection) -> None:
    life("apply", "-auto-approve")
    assert life.settled()
    outputs = life.outputs()
    made = natives(outputs["made"])
    check_seen(outputs["seen"], name, outputs["made"]["instance"])
    check_natively(openstack_alt, name, made)

    # EC2 keeps a changed rule's id, Neutron changes no rule: one with an id of its own is replaced.
    changed = "-var=changed=true"
    replaced = f"-replace={HTTP}"
    planned = life.planned(changed, replaced)
    assert planned.pop(HTTP) == ["delete", "create"]
    assert set(map(tuple, planned.values())) == {("update",)}
    assert set(planned) == IN_PLACE
    life("apply", "-auto-approve", changed, replaced)
    assert life.settled(changed)
    after = natives(life.outputs()["made"])
    assert {kind for kind in made if made[kind] != after[kind]} == {"http"}
    check_changed(openstack_alt, name, after)

    life.import_again(imported(life.outputs()["made"], name), changed)

    held = {after["instance"], after["interface"], after["volume"], after["web"], after["inline"], name}
    assert held <= present(openstack_alt)
    life("destroy", "-auto-approve", changed)
    assert not life("state", "list").stdout
    # Nova's list shows a server for a moment more after its status is DELETED.
    assert eventually(lambda: not held & present(openstack_alt))


def present(connection: Connection) -> set[str]:
    """Return the ids (for containers and key pairs: the names) of all that a project holds."""
    return {thing.rpartition(" ")[2] for thing in inventory(connection)}


def check_seen(seen: dict[str, Any], name: str, instance: str) -> None:
    """Look at what the data sources told."""
    assert (seen["instances"], seen["interface"]) == ([instance], instance)
    assert (seen["volume"], seen["group"]) == ("one", f"{name}-web")
    assert seen["objects"] == ["a/file", "a/text"]
    assert REGION in seen["regions"]
    assert len(seen["account"]) == 12


def check_natively(connection: Connection, name: str, made: dict[str, str]) -> None:
    """Look at what the first apply made with OpenStack's own client."""
    server = connection.compute.get_server(made["instance"])
    assert (server.status, server.key_name) == ("ACTIVE", name)
    assert (server.metadata["tag:Name"], server.metadata["tag:Role"]) == (name, "web")
    [port] = connection.network.ports(device_id=server.id)
    assert (port.id, port.security_group_ids) == (made["interface"], [made["web"]])
    volume = connection.block_storage.get_volume(made["volume"])
    assert (volume.size, volume.metadata["tag:Stage"]) == (1, "one")
    assert [one["server_id"] for one in volume.attachments] == [server.id]
    http = connection.network.get_security_group_rule(made["http"])
    assert (http.security_group_id, http.protocol, http.port_range_min) == (made["web"], "tcp", 80)
    assert http.remote_ip_prefix in (None, "0.0.0.0/0")
    assert connection.network.get_security_group_rule(made["peers"]).remote_group_id == made["web"]
    assert ports_in(connection, made["inline"]) == {(22, 22)}
    assert connection.object_store.download_object("a/text", container=name) == b"one"
    assert connection.object_store.download_object("copy", container=name).startswith(b"# What users write")


def check_changed(connection: Connection, name: str, made: dict[str, str]) -> None:
    """Look at what the change did, and at what it left alone."""
    server = connection.compute.get_server(made["instance"])
    assert (server.metadata["tag:Name"], server.metadata["tag:Role"]) == (name, "db")
    assert connection.block_storage.get_volume(made["volume"]).metadata["tag:Stage"] == "two"
    assert connection.network.get_security_group_rule(made["http"]).remote_ip_prefix == "10.0.0.0/8"
    assert ports_in(connection, made["inline"]) == {(22, 23)}
    assert connection.object_store.download_object("a/text", container=name) == b"two"


def ports_in(connection: Connection, group: str) -> set[tuple[int, int]]:
    rules = connection.network.security_group_rules(security_group_id=group, direction="ingress")
    return {(rule.port_range_min, rule.port_range_max) for rule in rules}


def imported(made: dict[str, str], name: str) -> dict[str, str]:
    """Return the id by which each resource is imported."""
    return {
        "aws_instance.web": made["instance"],
        "aws_ebs_volume.data": made["volume"],
        "aws_volume_attachment.data": f"/dev/sdf:{made['volume']}:{made['instance']}",
        "aws_security_group.web": made["web"],
        "aws_security_group.inline": made["inline"],
        HTTP: made["http"],
        "aws_s3_bucket.files": name,
        "aws_s3_bucket_public_access_block.files": name,
        "aws_s3_bucket_ownership_controls.files": name,
        "aws_s3_object.text": f"{name}/a/text",
    }


def test_state_in_a_bucket_is_locked(workspace: Workspace, aws: Boto, name: str) -> None:
    s3 = aws("s3", ACCOUNT)
    s3.create_bucket(Bucket=name)
    try:
        terraform = workspace("state")
        terraform("init", f"-backend-config=bucket={name}")
        terraform("apply", "-auto-approve")
        assert terraform.settled()
        listed = s3.list_objects_v2(Bucket=name)["Contents"]
        assert [one["Key"] for one in listed] == ["project/terraform.tfstate"]
        lock = "project/terraform.tfstate.tflock"
        s3.put_object(Bucket=name, Key=lock, Body=json.dumps({"ID": "somebody else's"}).encode())
        refused = terraform("plan", expect=(1,)).stderr
        assert "Error acquiring the state lock" in refused
        assert "somebody else's" in refused
        s3.delete_object(Bucket=name, Key=lock)
        assert terraform.settled()
    finally:
        remove_bucket(s3, name)
