"""Finds Open vSwitch and OVN: the machine's own, else Debian's packages, unpacked and not installed.

Debian's own start scripts would run a switch for the whole machine. The programs alone do nothing until they are run.
"""

import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from adapters.embedded.errors import CloudError
from adapters.embedded.layout import Layout
from adapters.embedded.locks import locked

# What the network runs, under one root: that of the machine, or of the unpacked packages. See `services.ovn.programs`.
NEEDED = (
    "usr/sbin/ovsdb-server", "usr/lib/openvswitch-switch/ovs-vswitchd", "usr/bin/ovs-vsctl", "usr/bin/ovs-appctl",
    "usr/bin/ovsdb-client", "usr/bin/ovsdb-tool", "usr/bin/ovn-northd", "usr/bin/ovn-controller",
    "usr/share/openvswitch/vswitch.ovsschema", "usr/share/ovn/ovn-nb.ovsschema", "usr/share/ovn/ovn-sb.ovsschema",
)  # fmt: skip
DHCP_CLIENT = ("bin/busybox", "usr/bin/busybox")
# The programs, and the libraries of theirs that a small Debian or Ubuntu lacks.
PACKAGES = (
    "openvswitch-switch", "openvswitch-common", "ovn-common", "ovn-central", "ovn-host", "libxdp1", "libbpf1",
    "libnuma1", "libunbound8", "libcap-ng0", "busybox-static",
)  # fmt: skip
ADVICE = "Install ovn-central, ovn-host, openvswitch-switch and busybox-static, or let apt-get download them"


def is_complete(root: Path) -> bool:
    """Return whether every program that the network runs is under this root."""
    return all((root / one).exists() for one in NEEDED) and any((root / one).exists() for one in DHCP_CLIENT)


def unpacked(place: Layout) -> Path:
    """Return where packages are unpacked: beside the virtual environment, so that clouds share them."""
    return place.venv.with_name(f"{place.venv.name}-ovn")


def prepare(place: Layout, progress: Callable[[str], None]) -> Path:
    """Return the root of the programs, after unpacking the packages if the machine does not have them."""
    machine, root = Path("/"), unpacked(place)
    if is_complete(machine):
        return machine
    root.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(root.with_name(f"{root.name}.lock"), progress):
        if not is_complete(root):
            progress("getting Open vSwitch and OVN from Debian's packages")
            shutil.rmtree(root, ignore_errors=True)
            unpack(root)
    check(root)
    return root


def check(root: Path) -> None:
    """Raise CloudError if a program does not run, as with a library that is missing."""
    for program in ("usr/sbin/ovsdb-server", "usr/lib/openvswitch-switch/ovs-vswitchd", "usr/bin/ovn-controller"):
        done = subprocess.run(
            [root / program, "--version"], capture_output=True, text=True, check=False, env=library_path(root)
        )
        if done.returncode:
            raise CloudError(f"{root / program} does not run: {done.stderr.strip()}. {ADVICE}.")


def library_path(root: Path) -> dict[str, str]:
    """Return the variable by which the unpacked programs find their libraries."""
    return {"LD_LIBRARY_PATH": f"{root}/usr/lib/{platform.machine()}-linux-gnu"}


def unpack(root: Path) -> None:
    """Download the packages into a temporary directory and unpack them; the result appears whole or not at all."""
    download, unpack = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if download is None or unpack is None:
        raise CloudError("a network that carries packets needs Open vSwitch and OVN, and this is no Debian or Ubuntu")
    with tempfile.TemporaryDirectory(prefix=f"{root.name}.", dir=root.parent) as name:
        work = Path(name)
        draft = work / "root"
        draft.mkdir()
        done = subprocess.run([download, "download", *PACKAGES], cwd=work, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CloudError(f"apt-get download failed: {done.stderr.strip()}. {ADVICE} (apt-get update).")
        for file in work.glob("*.deb"):
            subprocess.run([unpack, "-x", file, draft], check=True)
        draft.rename(root)
