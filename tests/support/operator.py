"""The operator's side: the application of the metrics listener, and what an admin of the cloud can do.

Tests that need an admin skip where clouds.yaml has no login of one.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import openstack
import pytest
from fastapi import FastAPI
from openstack.exceptions import SDKException

from shim.app import SERVICES
from shim.config import Settings
from shim.health import Lifecycle
from shim.metrics import Metrics
from shim.operator.application import Sources, operator_app
from shim.refusals import Refusal, Refusals
from tests.support.target import Target

ADMIN = "admin"


def listener(refusals: Refusals | None = None, settings: Settings | None = None, **sources: Any) -> FastAPI:
    """Return the application of a metrics listener of one process; `sources` are further members of `Sources`."""
    kept = refusals or Refusals()

    async def last(account: str | None) -> Sequence[Refusal]:
        return kept.last(account)

    async def ready() -> None:
        """Find nothing wrong with the cloud."""

    told: dict[str, Any] = {
        "lifecycle": Lifecycle(),
        "ready": ready,
        "metrics": Metrics().registry,
        "settings": settings or Settings.model_validate({}),
        "services": SERVICES,
        "refusals": last,
    }
    return operator_app(Sources(**(told | sources)))


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
