"""The external network, to which internet gateways lead."""

from __future__ import annotations

from adapters.errors import Fault
from adapters.types import network as cloud
from shim.context import Call
from shim.errors import AwsError

# Faults that show that the gateway's own user may not change another project's router.
NOT_GRANTED = (Fault.FORBIDDEN, Fault.NOT_FOUND, Fault.UNSUPPORTED)


async def external_network(call: Call) -> cloud.Network:
    """Return the external network; raise UnsupportedOperation if the cloud has none, or several and none is chosen."""
    networks = await call.cloud.network.networks(external=True)
    wanted = call.settings.external_network
    found = [one for one in networks if wanted in ("", one.id, one.name)]
    if len(found) != 1:
        raise AwsError("UnsupportedOperation", "This cloud has no external network, or several and none is configured.")
    return found[0]
