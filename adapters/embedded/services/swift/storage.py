"""Swift's account, container and object servers, with the updaters that complete delayed updates of listings."""

import time
import traceback
from pathlib import Path
from typing import Any

from .ring import DEVICE
from .server import prepare, start

UPDATE_SECONDS = 5
# A sweep visits every container. A cloud with thousands of them would sweep all the time if the pause did not grow.
PAUSE_PER_SECOND_OF_SWEEP, LONGEST_PAUSE_SECONDS = 20, 120


def share_one_hub() -> None:
    """Let three servers run in one process: each requests a new event hub, and the last hub would block the others."""
    import eventlet
    from swift.common.utils import get_hub

    hubs = eventlet.hubs
    hubs.use_hub(get_hub())
    stock, local = hubs.use_hub, hubs._threadlocal  # noqa: SLF001

    def use_hub(mod: Any = None) -> None:
        if not hasattr(local, "hub"):  # a pool's threads create their own
            stock(mod)

    hubs.use_hub = use_hub


def update(etc: Path) -> None:
    """Run the container and object updaters in a loop; the container updater writes the account totals."""
    import eventlet
    from swift.common.utils import readconf
    from swift.container.updater import ContainerUpdater
    from swift.obj.updater import ObjectUpdater

    containers = ContainerUpdater(readconf(str(etc / "swift/container-server.conf"), "container-updater"))
    objects = ObjectUpdater(readconf(str(etc / "swift/object-server.conf"), "object-updater"))

    def sweep_objects() -> None:
        # its run_once forks a child per device, which would look like a second process of this service
        objects.get_container_ring().get_nodes("")
        objects.object_sweep(str(Path(objects.devices) / DEVICE))

    pause: float = UPDATE_SECONDS
    while True:
        eventlet.sleep(pause)
        began = time.monotonic()
        for sweep in (containers.run_once, sweep_objects):
            try:
                sweep()
            except Exception:  # noqa: BLE001 - the next round may succeed, and the servers must go on
                traceback.print_exc()
        took = time.monotonic() - began
        pause = max(UPDATE_SECONDS, min(took * PAUSE_PER_SECOND_OF_SWEEP, LONGEST_PAUSE_SECONDS))


def main(etc: Path) -> None:
    """Serve."""
    prepare(etc)
    import eventlet

    share_one_hub()
    servers = [start(etc, f"{kind}-server") for kind in ("account", "container", "object")]
    eventlet.spawn(update, etc)
    for server in servers:
        server.wait()
