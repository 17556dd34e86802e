"""Run one service: `python -P -m passerelle_cloud SERVICE ROOT SIGNATURE`.

ROOT is the cloud's directory. SIGNATURE is not read here: it tells the supervisor which configuration the process was
started with.
"""

import importlib
import os
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType

# Service → the module whose `main(etc)` serves it.
MODULES = {
    "keystone": "keystone",
    "placement": "placement",
    "glance": "glance",
    "neutron": "neutron",
    "ovn": "ovn",
    "nova": "nova",
    "cinder": "cinder",
    "barbican": "barbican",
    "swift": "swift.proxy",
    "swift-storage": "swift.storage",
}
OWN_PATCHING = ("nova", "cinder")  # they choose native threads by an environment variable and patch themselves
EVENTLET = ("swift", "swift-storage")
NO_OPENSTACK = ("ovn",)


def leave(_number: int, _frame: FrameType | None) -> None:
    """Exit at once; the results of all answered requests are already in a database or a file."""
    os._exit(0)


def native_threads(service: str) -> None:
    """Choose native threads, before anything imports oslo.service or oslo.messaging: the choice is final."""
    if service in OWN_PATCHING:
        os.environ[f"OS_{service.upper()}_DISABLE_EVENTLET_PATCHING"] = "1"
        importlib.import_module(f"{service}.monkey_patch").patch()
    else:
        from oslo_service import backend

        backend.init_backend(backend.BackendType.THREADING)


def main() -> None:
    """Serve; an error ends the process even if other threads of a half-started service still run."""
    service, root = sys.argv[1], Path(sys.argv[2])
    sys.argv = [service]  # the services parse it, and name their locks and logs after it
    os.chdir(root)
    os.umask(0o077)
    signal.signal(signal.SIGTERM, leave)
    try:
        if service not in (*EVENTLET, *NO_OPENSTACK):
            native_threads(service)
            for patch in ("sqlite", "rpc"):
                importlib.import_module(f"{__package__}.{patch}").patch()
        importlib.import_module(f"{__package__}.{MODULES[service]}").main(root / "etc")
    except BaseException:  # noqa: BLE001 - SystemExit too: the service ends with its main thread
        traceback.print_exc()
        os._exit(1)


if __name__ == "__main__":
    main()
