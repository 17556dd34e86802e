"""Security groups through both APIs."""

from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from shim.ec2.tags.creating import half_done_name
from tests.ec2.client_errors import code, refusal
from tests.support.names import unique

EVERYTHING_OUT = [
    {
        "IpProtocol": "-1",
        "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
        "Ipv6Ranges": [],
        "PrefixListIds": [],
        "UserIdGroupPairs": [],
    }
]


@pytest.fixture
def group(ec2: Any) -> Iterator[str]:
    """The id of a fresh group in the default VPC."""
    made = ec2.create_security_group(GroupName=unique("group"), Description="of a test")
    yield made["GroupId"]
    if described(ec2, Filters=[{"Name": "group-id", "Values": [made["GroupId"]]}]):
        ec2.delete_security_group(GroupId=made["GroupId"])


def described(ec2: Any, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ec2.describe_security_groups(**params)["SecurityGroups"]
    return found


def uuid(id: str) -> str:
    digits = id.rpartition("-")[2]
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def default_vpc(ec2: Any) -> str:
    [vpc] = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    return str(vpc["VpcId"])


def test_a_group_that_was_left_half_done_is_replaced(ec2: Any, openstack_main: Any) -> None:
    name = unique("web")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    left = openstack_main.network.create_security_group(name=half_done_name(vpc, name.lower()))
    left_id = f"sg-{left.id.replace('-', '')}"
    assert left_id not in [one["GroupId"] for one in ec2.describe_security_groups()["SecurityGroups"]]
    assert left_id not in [one["GroupId"] for one in ec2.describe_security_group_rules()["SecurityGroupRules"]]
    made = ec2.create_security_group(GroupName=name, Description="d")["GroupId"]
    try:
        assert openstack_main.network.find_security_group(left.id) is None
        assert [one["GroupName"] for one in ec2.describe_security_groups(GroupIds=[made])["SecurityGroups"]] == [name]
    finally:
        ec2.delete_security_group(GroupId=made)


def test_made_by_aws_read_by_openstack(ec2: Any, sts: Any, openstack_main: Connection) -> None:
    name = unique("group")
    tags = [{"Key": "Name", "Value": "a/b,c=d%"}, {"Key": "Owner", "Value": ""}]
    made = ec2.create_security_group(
        GroupName=name,
        Description="web servers",
        TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
    )
    ec2.get_waiter("security_group_exists").wait(GroupIds=[made["GroupId"]])
    native = openstack_main.network.get_security_group(uuid(made["GroupId"]))
    assert (native.name, native.description) == (name, "web servers")
    assert [(r["direction"], r["ethertype"], r["protocol"]) for r in native.security_group_rules] == [
        ("egress", "IPv4", None)
    ]
    [seen] = described(ec2, GroupIds=[made["GroupId"]])
    account = sts.get_caller_identity()["Account"]
    assert seen == {
        "GroupId": made["GroupId"],
        "GroupName": name,
        "Description": "web servers",
        "OwnerId": account,
        "VpcId": default_vpc(ec2),
        "SecurityGroupArn": f"arn:aws:ec2:us-east-1:{account}:security-group/{made['GroupId']}",
        "IpPermissions": [],
        "IpPermissionsEgress": EVERYTHING_OUT,
        "Tags": tags,
    }
    assert made["SecurityGroupArn"] == seen["SecurityGroupArn"]
    assert made["Tags"] == tags
    assert ec2.delete_security_group(GroupId=made["GroupId"])["Return"]
    assert openstack_main.network.find_security_group(native.id) is None


def test_made_by_openstack_read_by_aws(ec2: Any, openstack_main: Connection) -> None:
    name = unique("native")
    native = openstack_main.network.create_security_group(name=name, description="made elsewhere")
    openstack_main.network.create_security_group_rule(
        security_group_id=native.id, direction="ingress", ethertype="IPv4", protocol="tcp",
        port_range_min=80, port_range_max=80, description="any address",
    )  # fmt: skip
    [seen] = described(ec2, GroupNames=[name])
    assert seen["GroupId"] == "sg-" + native.id.replace("-", "")
    assert seen["VpcId"] == default_vpc(ec2)
    [permission] = seen["IpPermissions"]
    assert permission["IpRanges"] == [{"CidrIp": "0.0.0.0/0", "Description": "any address"}]
    assert seen["IpPermissionsEgress"][0]["Ipv6Ranges"] == [{"CidrIpv6": "::/0"}]
    ec2.delete_security_group(GroupName=name)
    assert openstack_main.network.find_security_group(native.id) is None


def test_the_default_group_is_there_and_stays(ec2: Any) -> None:
    [default] = described(ec2, Filters=[{"Name": "group-name", "Values": ["default"]}])
    [inside] = default["IpPermissions"]
    # Neutron has this permission once for IPv4 and once for IPv6.
    assert inside["IpProtocol"] == "-1"
    assert [pair["GroupId"] for pair in inside["UserIdGroupPairs"]] == [default["GroupId"]]
    assert inside["UserIdGroupPairs"][0]["UserId"] == default["OwnerId"]
    assert code(ec2.delete_security_group, GroupId=default["GroupId"]) == "CannotDelete"
    assert code(ec2.delete_security_group, GroupName="default") == "CannotDelete"


def test_other_accounts_see_nothing_of_it(aws: Any, group: str) -> None:
    other = aws("ec2", "alt")
    assert code(other.describe_security_groups, GroupIds=[group]) == "InvalidGroup.NotFound"
    assert code(other.delete_security_group, GroupId=group) == "InvalidGroup.NotFound"
    rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    assert code(other.authorize_security_group_ingress, GroupId=group, IpPermissions=[rule]) == "InvalidGroup.NotFound"


def test_names_are_unique_in_a_vpc_and_free_in_another(ec2: Any, openstack_main: Connection, group: str) -> None:
    [first] = described(ec2, GroupIds=[group])
    name = first["GroupName"]
    again = {"GroupName": name.upper(), "Description": "again"}
    assert code(ec2.create_security_group, **again) == "InvalidGroup.Duplicate"
    assert code(ec2.create_security_group, VpcId=first["VpcId"], **again) == "InvalidGroup.Duplicate"
    router = openstack_main.network.create_router(name=unique("router"))
    try:
        vpc = "vpc-" + router.id.replace("-", "")
        other = ec2.create_security_group(GroupName=name, Description="elsewhere", VpcId=vpc)["GroupId"]
        assert {g["GroupId"] for g in described(ec2, Filters=[{"Name": "vpc-id", "Values": [vpc]}])} == {other}
        assert described(ec2, GroupIds=[other])[0]["Tags"] == []
        # A name alone means the default VPC.
        assert [g["GroupId"] for g in described(ec2, GroupNames=[name])] == [group]
        assert code(ec2.create_security_group, GroupName=name, Description="x", VpcId=vpc) == "InvalidGroup.Duplicate"
        ec2.delete_security_group(GroupId=other)
    finally:
        openstack_main.network.delete_router(router)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"GroupName": "default"}, "InvalidGroup.Reserved"),
        ({"GroupName": "sg-12345678"}, "InvalidParameterValue"),
        ({"GroupName": ""}, "MissingParameter"),
        ({"GroupName": "x" * 256}, "InvalidParameterValue"),
        ({"GroupName": "caf\u00e9"}, "InvalidParameterValue"),
        ({"Description": "x" * 256}, "InvalidParameterValue"),
        ({"VpcId": "vpc-12345678"}, "InvalidVpcID.NotFound"),
        ({"VpcId": "vpc-" + "0" * 32}, "InvalidVpcID.NotFound"),
        ({"VpcId": "sg-12345678"}, "InvalidVpcID.Malformed"),
        ({"TagSpecifications": [{"ResourceType": "volume", "Tags": []}]}, "InvalidParameterValue"),
        (
            {"TagSpecifications": [{"ResourceType": "security-group", "Tags": [{"Key": "aws:x", "Value": ""}]}]},
            "InvalidParameterValue",
        ),
        (
            {
                "TagSpecifications": [
                    {
                        "ResourceType": "security-group",
                        "Tags": [{"Key": f"k{number}", "Value": "v" * 250} for number in range(45)],
                    }
                ]
            },
            "TagLimitExceeded",
        ),
    ],
)
def test_what_is_no_group_is_refused_and_leaves_nothing(
    ec2: Any, openstack_main: Connection, params: dict[str, Any], expected: str
) -> None:
    before = {found.id for found in openstack_main.network.security_groups()}
    assert code(ec2.create_security_group, **{"GroupName": unique(), "Description": "d", **params}) == expected
    assert {found.id for found in openstack_main.network.security_groups()} == before


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"GroupIds": ["sg-12345678"]}, "InvalidGroup.NotFound"),
        ({"GroupIds": ["12345678"]}, "InvalidGroupId.Malformed"),
        ({"GroupNames": ["nobody-made-this"]}, "InvalidGroup.NotFound"),
        ({"Filters": [{"Name": "colour", "Values": ["red"]}]}, "InvalidParameterValue"),
        ({"NextToken": "bm9uc2Vuc2U"}, "InvalidParameterValue"),
    ],
)
def test_what_is_not_there_is_said(ec2: Any, params: dict[str, Any], expected: str) -> None:
    assert code(ec2.describe_security_groups, **params) == expected


def test_neither_id_nor_name(ec2: Any) -> None:
    assert code(ec2.delete_security_group) == "MissingParameter"
    assert code(ec2.delete_security_group, GroupId="sg-12345678") == "InvalidGroup.NotFound"
    assert code(ec2.delete_security_group, GroupName=unique()) == "InvalidGroup.NotFound"


def test_filters(ec2: Any, group: str) -> None:
    permission = {
        "IpProtocol": "tcp",
        "FromPort": 8080,
        "ToPort": 8090,
        "IpRanges": [{"CidrIp": "198.51.100.0/24"}],
        "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}],
        "UserIdGroupPairs": [{"GroupId": group}],
    }
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    [seen] = described(ec2, GroupIds=[group])
    for name, value in {
        "description": "of a t?st",
        "group-id": group,
        "group-name": seen["GroupName"],
        "ip-permission.cidr": "198.51.100.0/24",
        "ip-permission.from-port": "8080",
        "ip-permission.to-port": "8090",
        "ip-permission.group-id": group,
        "ip-permission.ipv6-cidr": "2001:db8:*",
        "ip-permission.protocol": "tcp",
        "ip-permission.user-id": seen["OwnerId"],
        "egress.ip-permission.cidr": "0.0.0.0/0",
        "owner-id": seen["OwnerId"],
        "vpc-id": seen["VpcId"],
    }.items():
        found = described(ec2, Filters=[{"Name": name, "Values": [value]}])
        assert group in [one["GroupId"] for one in found], name
    assert described(ec2, Filters=[{"Name": "ip-permission.cidr", "Values": ["198.51.100.1/32"]}]) == []
    assert described(ec2, Filters=[{"Name": "group-id", "Values": ["sg-12345678"]}]) == []


def test_pages(ec2: Any) -> None:
    names = {unique("page") for _ in range(6)}
    made = [ec2.create_security_group(GroupName=name, Description="page")["GroupId"] for name in sorted(names)]
    try:
        ours = [{"Name": "group-name", "Values": ["pt-page-*"]}]
        pages = list(
            ec2.get_paginator("describe_security_groups").paginate(Filters=ours, PaginationConfig={"PageSize": 5})
        )
        assert [len(page["SecurityGroups"]) for page in pages] == [5, 1]
        assert {found["GroupName"] for page in pages for found in page["SecurityGroups"]} == names
        assert "NextToken" not in pages[-1]
    finally:
        for group in made:
            ec2.delete_security_group(GroupId=group)


def test_a_group_that_is_needed_stays(ec2: Any, openstack_main: Connection, group: str) -> None:
    network = openstack_main.network.find_network("default", project_id=openstack_main.current_project_id)
    port = openstack_main.network.create_port(network_id=network.id, security_group_ids=[uuid(group)])
    try:
        said, message = refusal(ec2.delete_security_group, GroupId=group)
        assert (said, group in message) == ("DependencyViolation", True)
    finally:
        openstack_main.network.delete_port(port)
    other = ec2.create_security_group(GroupName=unique("group"), Description="names the other")["GroupId"]
    pair = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[pair])
    try:
        # Neutron would delete it, and the other group's rule with it.
        assert code(ec2.delete_security_group, GroupId=group) == "DependencyViolation"
        assert len(described(ec2, GroupIds=[other])[0]["IpPermissions"]) == 1
    finally:
        ec2.delete_security_group(GroupId=other)


def test_dry_run_changes_nothing(ec2: Any, openstack_main: Connection, group: str) -> None:
    rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    before = openstack_main.network.get_security_group(uuid(group)).security_group_rules
    for action, params in (
        (ec2.create_security_group, {"GroupName": unique(), "Description": "d"}),
        (ec2.describe_security_groups, {}),
        (ec2.describe_security_group_rules, {}),
        (ec2.authorize_security_group_ingress, {"GroupId": group, "IpPermissions": [rule]}),
        (ec2.authorize_security_group_egress, {"GroupId": group, "IpPermissions": [rule]}),
        (ec2.revoke_security_group_ingress, {"GroupId": group, "IpPermissions": [rule]}),
        (ec2.revoke_security_group_egress, {"GroupId": group, "IpPermissions": [rule]}),
        (ec2.delete_security_group, {"GroupId": group}),
    ):
        assert code(action, DryRun=True, **params) == "DryRunOperation"
    assert openstack_main.network.get_security_group(uuid(group)).security_group_rules == before


def test_blanks_at_the_end_of_a_name_are_trimmed(ec2: Any, openstack_main: Connection) -> None:
    name = unique("blanks")
    made = ec2.create_security_group(GroupName=f"{name}  ", Description="x")["GroupId"]
    assert described(ec2, GroupNames=[name])[0]["GroupId"] == made
    assert openstack_main.network.find_security_group(name).name == name
    assert code(ec2.create_security_group, GroupName=f"{name} ", Description="x") == "InvalidGroup.Duplicate"
    ec2.delete_security_group(GroupId=made)


def test_groups_are_found_by_the_name_of_a_group_in_their_rules(ec2: Any, group: str) -> None:
    name = unique("source")
    source = ec2.create_security_group(GroupName=name, Description="x")["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": source}]}],
    )
    wanted = [{"Name": "ip-permission.group-name", "Values": [name]}]
    [found] = described(ec2, Filters=wanted)
    assert found["GroupId"] == group
    assert "GroupName" not in found["IpPermissions"][0]["UserIdGroupPairs"][0]
    assert described(ec2, Filters=[{**wanted[0], "Name": "egress.ip-permission.group-name"}]) == []
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=found["IpPermissions"])
    ec2.delete_security_group(GroupId=source)
