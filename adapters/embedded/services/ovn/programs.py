"""The six programs of Open vSwitch and OVN, as children that end with this process."""

import os
import platform
import shutil
import subprocess
import time
from pathlib import Path

from . import namespaces

# What ports are bound to: [DEFAULT] host of nova.conf, which is also the name of OVN's chassis.
CHASSIS = "passerelle"
PHYSICAL = "public"  # the physical network of the external network
READY_SECONDS = 30.0
LOG_LIMIT = 16 << 20


def environment(root: Path, switch: Path) -> dict[str, str]:
    """Return the variables by which the programs find each other, their libraries, sockets and schemas."""
    run = str(root / "run/ovn")
    shared = dict.fromkeys(
        ("OVS_RUNDIR", "OVN_RUNDIR", "OVS_DBDIR", "OVN_DBDIR", "OVS_SYSCONFDIR", "OVN_SYSCONFDIR"), run
    )
    places = (
        f"{switch}/{one}".replace("//", "/") for one in ("usr/sbin", "usr/bin", "usr/lib/openvswitch-switch", "bin")
    )
    more = {} if switch == Path("/") else {"LD_LIBRARY_PATH": f"{switch}/usr/lib/{platform.machine()}-linux-gnu"}
    return {
        "PATH": ":".join((*places, os.environ["PATH"], "/usr/sbin", "/sbin")),
        "OVS_LOGDIR": str(root / "log"),
        "OVN_LOGDIR": str(root / "log"),
        "OVS_PKGDATADIR": f"{switch}/usr/share/openvswitch",
        "OVN_PKGDATADIR": f"{switch}/usr/share/ovn",
        **shared,
        **more,
    }


class Programs:
    """The running programs. The switch and its controller have a network namespace of their own (`switch_space`)."""

    def __init__(self, root: Path, switch: Path) -> None:
        self.run, self.databases, self.switch = root / "run/ovn", root / "ovn", switch
        self.switch_database = f"unix:{self.run}/db.sock"
        os.environ.update(environment(root, switch))
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all of them; each is ready when this returns."""
        shutil.rmtree(self.run, ignore_errors=True)
        for directory in (self.run, self.databases):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.switch_space = namespaces.new()
        # The switch starts empty, as its interfaces went with their namespaces; OVN's databases are Neutron's network.
        self._database(
            "vswitch", self.run / "switch.db", self.switch / "usr/share/openvswitch/vswitch.ovsschema", "db.sock"
        )
        for kind in ("nb", "sb"):
            schema = self.switch / f"usr/share/ovn/ovn-{kind}.ovsschema"
            self._database(kind, self.databases / f"{kind}.db", schema, f"{kind}.sock")
        self._configure()
        north, south = (f"unix:{self.run}/{kind}.sock" for kind in ("nb", "sb"))
        self._child(
            "northd", "ovn-northd", f"--ovnnb-db={north}", f"--ovnsb-db={south}", f"--unixctl={self.run}/northd.ctl"
        )
        self._inside("vswitchd", "ovs-vswitchd", self.switch_database, f"--unixctl={self.run}/vswitchd.ctl")
        self._inside("controller", "ovn-controller", self.switch_database)
        self.vsctl("--timeout=30", "wait-until", "Bridge", "br-int", "datapath_id!=[]")

    def ended(self) -> str | None:
        """Return the name of a program that has ended."""
        return next((name for name, child in self._children.items() if child.poll() is not None), None)

    def vsctl(self, *words: str) -> str:
        """Run ovs-vsctl on the switch's database."""
        done = subprocess.run(
            ["ovs-vsctl", f"--db={self.switch_database}", *words], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise OSError(f"ovs-vsctl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def _configure(self) -> None:
        south = f"unix:{self.run}/sb.sock"
        facts = {
            "system-id": CHASSIS, "hostname": CHASSIS, "ovn-remote": south, "ovn-encap-type": "geneve",
            "ovn-encap-ip": "127.0.0.1", "ovn-bridge-datapath-type": "netdev",
            "ovn-bridge-mappings": f"{PHYSICAL}:br-ex", "ovn-cms-options": "enable-chassis-as-gw",
        }  # fmt: skip
        words = [f'external_ids:{key}="{value}"' for key, value in facts.items()]
        self.vsctl("--no-wait", "init")
        self.vsctl(
            "--no-wait", "set", "Open_vSwitch", ".", *words,
            "--", "add-br", "br-int",
            "--", "set", "Bridge", "br-int", "datapath_type=netdev", "fail_mode=secure",
            "other_config:disable-in-band=true",
            "--", "add-br", "br-ex", "--", "set", "Bridge", "br-ex", "datapath_type=netdev",
        )  # fmt: skip

    def _database(self, name: str, file: Path, schema: Path, socket: str) -> None:
        if not file.exists():
            subprocess.run(["ovsdb-tool", "create", file, schema], check=True)
        where = self.run / socket
        self._child(name, "ovsdb-server", str(file), f"--remote=punix:{where}", f"--unixctl={self.run}/{name}.ctl")
        deadline = time.monotonic() + READY_SECONDS
        while not where.exists():
            if self.ended() or time.monotonic() > deadline:
                raise OSError(f"the database server of {file} did not start")
            time.sleep(0.02)
        if name != "vswitch":
            subprocess.run([f"ovn-{name}ctl", f"--db=unix:{where}", "init"], check=True)

    def _inside(self, name: str, *command: str) -> None:
        self._child(name, *namespaces.inside(self.switch_space, *command))

    def _child(self, name: str, *command: str) -> None:
        """Start a program that logs to the service's own log and ends with it."""
        self._children[name] = subprocess.Popen(
            [*command, "-vfile:off", "-vconsole:warn"],
            stdin=subprocess.DEVNULL,
            pass_fds=(self.switch_space,),
            preexec_fn=namespaces.die_with_parent,
        )
