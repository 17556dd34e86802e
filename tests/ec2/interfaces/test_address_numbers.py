"""How many private addresses one request may ask for: a number must not become a list of that length first."""

import asyncio
from typing import Any

import pytest

from shim.ec2.interfaces.creation import create_network_interface
from shim.ec2.interfaces.ipv6_addresses import assign_ipv6_addresses
from shim.ec2.interfaces.private_addresses import assign_private_ip_addresses
from shim.errors import AwsError
from tests.ec2.acting import act
from tests.ec2.test_half_done import call

INTERFACE = {"NetworkInterfaceId": "eni-0123abcd0123456701234567890abcde"}
SUBNET = {"SubnetId": "subnet-0123abcd0123456701234567890abcde"}
MANY = 2**31 - 1
LISTED = [f"10.0.0.{number}" for number in range(1, 52)]


@pytest.mark.parametrize(
    ("action", "params"),
    [
        (assign_private_ip_addresses, {**INTERFACE, "SecondaryPrivateIpAddressCount": MANY}),
        (assign_private_ip_addresses, {**INTERFACE, "PrivateIpAddresses": LISTED}),
        (assign_ipv6_addresses, {**INTERFACE, "Ipv6AddressCount": MANY}),
        (create_network_interface, {**SUBNET, "SecondaryPrivateIpAddressCount": MANY}),
        (create_network_interface, {**SUBNET, "PrivateIpAddresses": [{"PrivateIpAddress": one} for one in LISTED]}),
        (create_network_interface, {**SUBNET, "Ipv6AddressCount": MANY}),
    ],
)
def test_more_addresses_than_any_interface_has_are_refused_at_once(action: Any, params: dict[str, Any]) -> None:
    with pytest.raises(AwsError) as refused:
        asyncio.run(act(action, call(""), params))
    assert refused.value.code == "PrivateIpAddressLimitExceeded"
