"""A cloud of its own that carries packets, with a gateway in front of it; skipped where that is not possible."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from adapters.embedded import CloudError, EmbeddedCloud
from adapters.embedded.layout import OVN
from adapters.embedded.ovn import ability, packages
from adapters.embedded.ovn.control import OUTSIDE
from tests.conftest import progress
from tests.packets.machines import Machines
from tests.support import target
from tests.support.clients import Boto
from tests.support.gateway import faults
from tests.support.gateway import gateway as run_gateway


@pytest.fixture(scope="session")
def packet_cloud(pytestconfig: pytest.Config) -> Iterator[target.Target]:
    """An OpenStack whose network carries packets."""
    state = target.state_directory() / "packets"
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    cloud = EmbeddedCloud(state, target.packages(), network=OVN, progress=progress)
    if lack := ability.missing(cloud.place):
        pytest.skip(f"no packets on this machine: {lack}")
    try:
        packages.prepare(cloud.place, progress)
    except CloudError as error:
        pytest.skip(f"no packets on this machine: {error}")
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with ExitStack() as stack:
        with capture.global_and_fixture_disabled():
            found = stack.enter_context(target.embedded(state, progress, cloud))
        yield found


@pytest.fixture(scope="session")
def machines(packet_cloud: target.Target) -> Iterator[Machines]:
    """The namespaces of the instances, and of the host outside, which listens."""
    found = Machines(EmbeddedCloud(packet_cloud.state, target.packages()))
    found.listen(OUTSIDE, OUTSIDE)
    yield found
    found.close()


@pytest.fixture(scope="session")
def packet_ec2(packet_cloud: target.Target) -> Iterator[Any]:
    """EC2 by a gateway in front of this cloud."""
    with run_gateway(packet_cloud, "packets", settings={"ec2_dhcp_server": "ovn"}) as running:
        clients = Boto(running.url, dict(packet_cloud.keys))
        yield clients("ec2")
        clients.close()
    wrong = faults(running.log)
    assert not wrong, "the gateway logged:\n" + "\n".join(wrong[:20])
