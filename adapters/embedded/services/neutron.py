"""Neutron: the API and its plugins in one process, without agents."""

import os
from pathlib import Path
from typing import Any

from .settings import port
from .web import serve


def floating_ips_without_agents() -> None:
    """Set floating IPs to ACTIVE and DOWN without the L3 agent that normally reports it.

    This is a patch and not a subclass: other service plugins request the alias "router" and would load the stock class
    beside the subclass, and the two would conflict over every router.
    """
    from neutron.services.l3_router.l3_router_plugin import L3RouterPlugin
    from neutron_lib.constants import FLOATINGIP_STATUS_ACTIVE, FLOATINGIP_STATUS_DOWN

    stock_update = L3RouterPlugin.update_floatingip

    def status(port_id: object) -> str:
        return str(FLOATINGIP_STATUS_ACTIVE if port_id else FLOATINGIP_STATUS_DOWN)

    def create_floatingip(self: Any, context: Any, floatingip: dict[str, Any]) -> Any:
        wanted = status(floatingip["floatingip"].get("port_id"))
        return super(L3RouterPlugin, self).create_floatingip(context, floatingip, initial_status=wanted)

    def update_floatingip(self: Any, context: Any, id: str, floatingip: dict[str, Any]) -> Any:
        updated = stock_update(self, context, id, floatingip)
        if "port_id" in floatingip["floatingip"]:
            updated["status"] = status(updated["port_id"])
            self.update_floatingip_status(context.elevated(), id, updated["status"])
        return updated

    L3RouterPlugin.create_floatingip = create_floatingip
    L3RouterPlugin.update_floatingip = update_floatingip


def main(etc: Path) -> None:
    """Serve the API."""
    os.environ["OS_NEUTRON_CONFIG_FILES"] = str(etc / "neutron/neutron.conf")
    floating_ips_without_agents()
    from neutron.wsgi.api import application

    serve({port(etc, "neutron"): application})
