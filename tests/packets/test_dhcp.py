"""What DHCP tells an instance: the options of its VPC's set, as a client in the instance reads them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.packets.machines import Machines, settles
from tests.packets.test_vpc import Site, open_group

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(900)]  # the first test brings up a cloud
CIDR, SUBNET = "10.61.0.0/16", "10.61.0.0/24"
# udhcpc runs this with what it was told as variables. The lease of the interface stays as it is.
SCRIPT = """#!/bin/sh
if [ "$1" = bound ]; then echo "domain=$domain"; echo "dns=$dns"; echo "ntp=$ntpsrv"; fi
"""
Told = Mapping[str, str]


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script for the DHCP client that writes down what it was told."""
    found = tmp_path_factory.mktemp("dhcp") / "told"
    found.write_text(SCRIPT)
    found.chmod(0o755)
    return found


@pytest.fixture(scope="module")
def site(packet_ec2: Any, machines: Machines) -> Iterator[Site]:
    """A VPC with one subnet; it keeps the default options."""
    vpc = packet_ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]
    subnet = packet_ec2.create_subnet(VpcId=vpc, CidrBlock=SUBNET)["Subnet"]["SubnetId"]
    yield Site(packet_ec2, machines, vpc, "", subnet, "", "", open_group(packet_ec2, vpc))
    packet_ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)


def options(ec2: Any, **values: Sequence[str]) -> str:
    wanted = [{"Key": key.replace("_", "-"), "Values": [*several]} for key, several in values.items()]
    return str(ec2.create_dhcp_options(DhcpConfigurations=wanted)["DhcpOptions"]["DhcpOptionsId"])


def test_instances_are_told_the_options_of_their_vpc(site: Site, script: Path) -> None:
    def told(instance: str) -> Told:
        words = ("udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "5", "-T", "1", "-O", "ntpsrv", "-s", str(script))
        lines = site.machines.run(instance, *words).stdout.splitlines()
        return dict(line.partition("=")[::2] for line in lines)

    ec2 = site.ec2
    [early] = site.launch(site.public, "early")
    before = told(early)
    assert before["ntp"] == ""
    several = {"domain_name_servers": ["10.61.0.9", "9.9.9.9"], "ntp_servers": ["10.61.0.7", "10.61.0.8"]}
    ec2.associate_dhcp_options(DhcpOptionsId=options(ec2, domain_name=["corp.example"], **several), VpcId=site.vpc)
    wanted = {"domain": "corp.example", "dns": "10.61.0.9 9.9.9.9", "ntp": "10.61.0.7 10.61.0.8"}
    settles(wanted, told, early)
    [late] = site.launch(site.public, "late")
    settles(wanted, told, late)
    ec2.associate_dhcp_options(DhcpOptionsId=options(ec2, ntp_servers=["10.61.0.7"]), VpcId=site.vpc)
    for instance in (early, late):
        settles({**before, "ntp": "10.61.0.7"}, told, instance)
    ec2.modify_vpc_attribute(VpcId=site.vpc, EnableDnsSupport={"Value": False})
    settles({**before, "ntp": "10.61.0.7", "dns": ""}, told, early)
    ec2.modify_vpc_attribute(VpcId=site.vpc, EnableDnsSupport={"Value": True})
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=site.vpc)
    for instance in (early, late):
        settles(before, told, instance)
