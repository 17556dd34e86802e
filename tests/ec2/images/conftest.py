"""What tests of imports and exports share."""

from collections.abc import Iterator

import pytest
from openstack.connection import Connection

from tests.ec2.network.test_security_groups import uuid


@pytest.fixture
def forget(openstack_main: Connection) -> Iterator[list[str]]:
    """Tasks whose records are deleted after the test."""
    tasks: list[str] = []
    yield tasks
    for task in tasks:
        openstack_main.image.delete_image(uuid(task), ignore_missing=True)
