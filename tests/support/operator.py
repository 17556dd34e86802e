"""What only an operator of the cloud can do: tests that need it skip where nobody gave them an admin's login."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openstack
import pytest
from openstack.exceptions import SDKException

from tests.support.target import Target

ADMIN = "admin"


@contextmanager
def admin(cloud: Target) -> Iterator[openstack.connection.Connection]:
    """Give a connection of the cloud's admin, which the embedded cloud has in clouds.yaml."""
    try:
        connection = cloud.connect(ADMIN)
    except SDKException:
        pytest.skip(f"clouds.yaml has no entry {ADMIN!r}")
    with connection:
        yield connection


@contextmanager
def region(identity: Any, name: str) -> Iterator[None]:
    """Add a region to Keystone's catalogue, with an endpoint of Nova, for as long as the block lasts."""
    (compute,) = identity.services(type="compute")
    identity.create_region(id=name)
    endpoint = identity.create_endpoint(
        service_id=compute.id, interface="public", url="http://192.0.2.1:1/v2.1", region_id=name
    )
    try:
        yield
    finally:
        identity.delete_endpoint(endpoint)
        identity.delete_region(name)
