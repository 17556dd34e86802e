"""Nova: API, metadata API, conductor, scheduler and compute in one process, so that RPC stays in memory."""

import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from . import nova_driver
from .settings import settings
from .web import serve


def wait_for_identity(known: dict[str, Any], patience: float = 300) -> None:
    """Wait until the catalog is written and Placement answers: the compute service looks it up only at its start.

    All imports are done before, so that Nova, the slowest to load, does not delay the start.
    """
    ready, placement = Path(known["identity_ready"]), known["placement"]
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            if ready.exists():
                direct.open(placement, timeout=10).close()
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"neither {ready} nor {placement} after {patience:.0f} s")


def configure(etc: Path) -> Any:
    """Read nova.conf and set up what every Nova command sets up before it starts a service."""
    import nova.conf
    import os_brick
    import os_vif
    from nova import config, objects
    from oslo_log import log
    from oslo_service import opts

    options = nova.conf.CONF
    config.parse_args(["nova"], default_config_files=[str(etc / "nova/nova.conf")])
    log.setup(options, "nova")
    opts.register_service_opts(options)
    objects.register_all()
    os_brick.setup(options)
    os_vif.initialize()
    return options


def start_workers(hosts: Sequence[str]) -> list[Any]:
    """Start conductor, scheduler and the compute services of all hosts, in that order; map the hosts into their cell.

    Whatever asks for a host of its own by the option `host` gets the first.
    """
    from nova import context, service
    from nova.compute import rpcapi as compute
    from nova.conductor import rpcapi as conductor
    from nova.objects import host_mapping
    from nova.scheduler import rpcapi as scheduler

    started = []
    for host, binary, topic, other in (
        (hosts[0], "nova-conductor", conductor.RPC_TOPIC, None),
        (hosts[0], "nova-scheduler", scheduler.RPC_TOPIC, None),
        *((host, "nova-compute", compute.RPC_TOPIC, compute.RPC_TOPIC_ALT) for host in hosts),
    ):
        worker = service.Service.create(host=host, binary=binary, topic=topic, topic_alt=other)
        worker.start()
        started.append(worker)
    host_mapping.discover_hosts(context.get_admin_context())
    return started


def applications(options: Any, ports: dict[str, int]) -> dict[int, Any]:
    """Load the two WSGI applications."""
    from nova.api.openstack import wsgi_app
    from paste import deploy

    loaded = {}
    for name, port in (("osapi_compute", ports["nova"]), ("metadata", ports["metadata"])):
        wsgi_app._setup_service(options.host, name)  # noqa: SLF001 - as its own entry point does
        loaded[port] = deploy.loadapp(f"config:{options.wsgi.api_paste_config}", name=name)
    return loaded


def preload() -> None:
    """Import early the modules that the workers and the API would import late."""
    import nova.api.openstack.compute
    import nova.compute.manager
    import nova.conductor.manager
    import nova.scheduler.manager  # noqa: F401


def main(etc: Path) -> None:
    """Serve both APIs."""
    known = settings(etc)
    chosen = import_module(f"{__package__}.ovn.nova_driver") if known["network"] == "ovn" else nova_driver
    sys.modules["nova.virt.passerelle"] = chosen  # Nova looks for drivers under nova.virt only
    options = configure(etc)
    preload()
    wait_for_identity(known)
    workers = start_workers(known["hosts"])
    serve(applications(options, known["ports"]), threads=12)
    del workers
