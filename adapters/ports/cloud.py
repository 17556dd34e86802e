"""One tenant's view of one cloud: the ports to its services; one is made for each request."""

from __future__ import annotations

from typing import Protocol

from adapters.ports.block import BlockStore
from adapters.ports.compute import Compute
from adapters.ports.images import Images
from adapters.ports.keys import SecretKeys
from adapters.ports.network.network import Network
from adapters.ports.objects import ObjectStore


class Cloud(Protocol):
    """What an action may call; every port uses the caller's own token."""

    @property
    def compute(self) -> Compute:
        """Nova."""
        ...

    @property
    def network(self) -> Network:
        """Neutron."""
        ...

    @property
    def block(self) -> BlockStore:
        """Cinder."""
        ...

    @property
    def images(self) -> Images:
        """Glance."""
        ...

    @property
    def objects(self) -> ObjectStore:
        """Swift."""
        ...

    @property
    def key_manager(self) -> SecretKeys:
        """Barbican."""
        ...
