"""The port to Neutron; calls use the caller's own token."""

from __future__ import annotations

from typing import Protocol

from adapters.ports.network.address_groups import AddressGroups
from adapters.ports.network.addresses import Addresses
from adapters.ports.network.networks import Networks
from adapters.ports.network.ports import Ports
from adapters.ports.network.routers import Routers
from adapters.ports.network.security_groups import SecurityGroups
from adapters.ports.network.subnet_pools import SubnetPools
from adapters.ports.network.tags import Tags


class Network(Networks, Routers, Ports, Addresses, AddressGroups, SecurityGroups, SubnetPools, Tags, Protocol):
    """Neutron for one project.  Every call raises BackendError; a missing thing is NOT_FOUND with its `resource`.

    Lists hold what the project may see: its own resources and those that others share with it.
    """
