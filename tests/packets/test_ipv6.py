"""IPv6 of a VPC by its packets: subnets reach each other, and groups and the network ACL hold them back."""

from collections.abc import Iterator
from ipaddress import IPv6Network
from itertools import islice
from typing import Any

import pytest

from tests.ec2.conftest import WAIT
from tests.packets.machines import Machines, settles
from tests.support.clients import Boto
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.target import Target

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(900)]  # the first test brings up a cloud


@pytest.fixture(scope="module")
def v6(packet_cloud: Target) -> Iterator[Any]:
    """EC2 by a gateway whose operator has named a pool; the cloud goes with what is made."""
    with packet_cloud.connect("admin") as admin:
        made = admin.network.create_subnet_pool(
            name=unique("ipv6"), prefixes=["2001:db8:60::/48"], is_shared=True, minimum_prefix_length=56
        )
    with run_gateway(packet_cloud, "packets-ipv6", settings={"ec2_ipv6_pool": made.name}) as running:
        clients = Boto(running.url, dict(packet_cloud.keys))
        yield clients("ec2")
        clients.close()


def launched(v6: Any, machines: Machines, subnet: str, group: str) -> tuple[str, str]:
    """Launch an instance with an IPv6 address, and give it that address as DHCP would; return its id and address.

    Its default route comes from the router's advertisements.
    """
    image = v6.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    asked = {"ImageId": image, "InstanceType": "t3.nano", "SubnetId": subnet, "SecurityGroupIds": [group]}
    [one] = v6.run_instances(**asked, Ipv6AddressCount=1, MinCount=1, MaxCount=1)["Instances"]
    instance = one["InstanceId"]
    v6.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    row = v6.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    settles(row["PrivateIpAddress"], machines.address, instance)
    address = str(row["Ipv6Address"])
    done = machines.run(instance, "ip", "-6", "addr", "add", f"{address}/64", "dev", "eth0")
    assert done.returncode == 0, done.stderr
    return instance, address


def test_subnets_reach_each_other(v6: Any, machines: Machines) -> None:
    made = v6.create_vpc(CidrBlock="10.61.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    vpc, block = made["VpcId"], made["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    blocks = list(islice(IPv6Network(block).subnets(new_prefix=64), 1, 3))
    subnets = [
        v6.create_subnet(VpcId=vpc, CidrBlock=f"10.61.{number}.0/24", Ipv6CidrBlock=str(one))["Subnet"]["SubnetId"]
        for number, one in enumerate(blocks)
    ]
    group = v6.create_security_group(GroupName=unique("g"), Description="d", VpcId=vpc)["GroupId"]
    rule = [{"IpProtocol": "icmpv6", "FromPort": -1, "ToPort": -1, "Ipv6Ranges": [{"CidrIpv6": block}]}]
    (one, _), (_, there) = (launched(v6, machines, subnet, group) for subnet in subnets)
    assert not machines.ping(one, there)
    v6.authorize_security_group_ingress(GroupId=group, IpPermissions=rule)
    settles(True, machines.ping, one, there)
    [acl] = v6.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
    entry = {"NetworkAclId": acl["NetworkAclId"], "RuleNumber": 101, "Egress": False}
    v6.delete_network_acl_entry(**entry)
    settles(False, machines.ping, one, there)
    v6.create_network_acl_entry(**entry, Protocol="-1", RuleAction="allow", Ipv6CidrBlock="::/0")
    settles(True, machines.ping, one, there)
