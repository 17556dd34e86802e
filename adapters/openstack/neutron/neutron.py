"""Neutron's calls for all kinds of resources, in one class."""

from __future__ import annotations

from adapters.openstack.neutron.address_groups import AddressGroups
from adapters.openstack.neutron.addresses import Addresses
from adapters.openstack.neutron.networks import Networks
from adapters.openstack.neutron.ports import Ports
from adapters.openstack.neutron.routers import Routers
from adapters.openstack.neutron.security_groups import SecurityGroups
from adapters.openstack.neutron.subnet_pools import SubnetPools
from adapters.openstack.neutron.tags import Tags


class Neutron(Networks, Routers, Ports, Addresses, AddressGroups, SecurityGroups, SubnetPools, Tags):
    """`adapters.ports.network.network.Network` over Neutron's REST API, for one project."""
