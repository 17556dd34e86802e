"""Neutron: the API and its plugins in one process, without agents, or with OVN as its network."""

import os
import signal
from pathlib import Path
from typing import Any

from .settings import settings
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


def wait_for_ovn(etc: Path, known: dict[str, Any], patience: float = 120) -> None:
    """Prepare for ML2/OVN, and wait until the network service has started OVN's databases."""
    import shutil
    import time

    from .ovn.programs import environment

    root = etc.parent
    os.environ.update(environment(root, Path(known["programs"])))  # the plugin runs ovsdb-client
    os.environ["ASGI_WORKERS"] = "1"  # without a number of API workers the plugin handles no event of OVN
    # The plugin writes the time of its start to a file there, named after the parent's pid, and believes an older one.
    fresh = root / "run/neutron"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    os.environ["TMPDIR"] = str(fresh)
    deadline = time.monotonic() + patience
    while not (root / "run/ovn/sb.sock").exists() and time.monotonic() < deadline:
        time.sleep(0.05)


def one_worker_handles_every_event() -> None:
    """Let the only worker handle every event of OVN, without asking the database which worker's turn it is.

    The thread that reads OVN's database would write to Neutron's ("touch"), while a request that holds SQLite's write
    lock waits for that thread: each would wait for the other until the lock times out.
    """
    from neutron.common.ovn.hash_ring_manager import HashRingManager
    from neutron.db.ovn_hash_ring_db import get_node_uuid
    from oslo_config import cfg
    from oslo_utils import timeutils

    def get_node(self: Any, _key: object) -> tuple[str, Any]:
        own = get_node_uuid(self._group, cfg.CONF.host, os.getpid())
        return own, timeutils.utcnow()

    HashRingManager.get_node = get_node


def main(etc: Path) -> None:
    """Serve the API."""
    known = settings(etc)
    os.environ["OS_NEUTRON_CONFIG_FILES"] = str(etc / "neutron/neutron.conf")
    leave = signal.getsignal(signal.SIGTERM)
    if known["network"] == "ovn":
        wait_for_ovn(etc, known)
        one_worker_handles_every_event()
    else:
        floating_ips_without_agents()
    from neutron.wsgi.api import application

    signal.signal(signal.SIGTERM, leave)  # ML2/OVN takes it over, and the process would not end
    serve({known["ports"]["neutron"]: application})
