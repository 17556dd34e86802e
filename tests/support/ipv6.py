"""What an operator prepares for IPv6: a subnet pool for VPCs, and IPv6 on the external network."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from openstack.connection import Connection

from tests.support.names import unique


@contextmanager
def shared_pool(admin: Connection, prefix: str) -> Iterator[Any]:
    """A shared subnet pool, which must be empty at the end: Neutron deletes none of which a subnet is left."""
    made = admin.network.create_subnet_pool(
        name=unique("ipv6"), prefixes=[prefix], is_shared=True, minimum_prefix_length=56, maximum_prefix_length=64
    )
    try:
        yield made
    finally:
        admin.network.delete_subnet_pool(made)


@contextmanager
def external_subnet(admin: Connection, cidr: str) -> Iterator[Any]:
    """An IPv6 subnet of the external network; Neutron gives every router that is connected an address of it."""
    [external] = admin.network.networks(is_router_external=True)
    made = admin.network.create_subnet(
        name="ipv6", network_id=external.id, ip_version=6, cidr=cidr, is_dhcp_enabled=False
    )
    try:
        yield made
    finally:
        for router in admin.network.routers():
            info = router.external_gateway_info or {}
            fixed = info.get("external_fixed_ips", [])
            left = [one for one in fixed if one["subnet_id"] != made.id]
            if left != fixed:
                admin.network.update_router(router, external_gateway_info={**info, "external_fixed_ips": left})
        admin.network.delete_subnet(made)
