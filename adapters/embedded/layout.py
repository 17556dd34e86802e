"""Paths of a cloud: one directory of its own, and a virtual environment that clouds may share."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.embedded.errors import CloudError

HOST = "127.0.0.1"
REGION = "RegionOne"

# One process each, in the order of starting: first those that others wait for, then the slowest to import.
SERVICES = ("keystone", "nova", "neutron", "placement", "cinder", "glance", "barbican", "swift", "swift-storage")

# A network without agents, in which no packet flows, or Open vSwitch and OVN as one more service of that name.
OVN = "ovn"
NETWORKS = ("none", OVN)

# Availability zone → its compute host. The first is OpenStack's own default.
# No host is called "compute", which is the name of an RPC topic.
ZONES: Mapping[str, str] = {"nova": "passerelle", "nova-b": "passerelle-b", "nova-c": "passerelle-c"}

PORT_NAMES = (
    "keystone", "placement", "glance", "neutron", "nova", "metadata", "cinder",
    "swift", "swift-account", "swift-container", "swift-object", "barbican",
)  # fmt: skip

# Other characters have a meaning in oslo.config, ConfigParser, a paste URI or an SQLAlchemy URL.
PLAIN_PATH = re.compile(r"[\w/.+=@~-]+")


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one cloud. Everything under `root` belongs to it; `venv` and the files beside it may be shared."""

    root: Path
    venv: Path

    @property
    def python(self) -> Path:
        """The interpreter that runs the services."""
        return self.venv / "bin" / "python"

    @property
    def etc(self) -> Path:
        """Configuration files, one directory per project."""
        return self.root / "etc"

    @property
    def databases(self) -> Path:
        """One SQLite file per database."""
        return self.root / "db"

    @property
    def path(self) -> Path:
        """The services' PYTHONPATH: the package that runs inside them, and its entry points."""
        return self.root / "path"

    @property
    def logs(self) -> Path:
        """One log per service, with its stderr."""
        return self.root / "log"

    @property
    def run(self) -> Path:
        """Files that are used only while services run."""
        return self.root / "run"

    @property
    def identity_ready(self) -> Path:
        """File that exists once Keystone has this cloud's accounts and catalog; Nova waits for it."""
        return self.run / "identity-ready"

    @property
    def switch_control(self) -> Path:
        """The unix socket of the service `ovn`."""
        return self.run / "ovn/control.sock"

    @property
    def network(self) -> str:
        """Which of NETWORKS this cloud was made with."""
        note = self.root / "network"
        return note.read_text() if note.exists() else NETWORKS[0]

    @property
    def services(self) -> tuple[str, ...]:
        """This cloud's services in the order of starting; Neutron waits for OVN's databases."""
        return (OVN, *SERVICES) if self.network == OVN else SERVICES

    def log(self, service: str) -> Path:
        """The log file of one service (or of the step `install` or `databases`)."""
        return self.logs / f"{service}.log"

    def database(self, name: str) -> Path:
        """The SQLite file of one database, such as `keystone` or `nova_cell0`."""
        return self.databases / f"{name}.sqlite"


def layout(state_dir: Path, venv: Path | None) -> Layout:
    """Return the paths of the cloud in `state_dir`; raise CloudError if configuration files cannot contain them."""
    root = Path(os.path.abspath(state_dir.expanduser())) / "cloud"  # noqa: PTH100 - resolve() would follow links
    if not PLAIN_PATH.fullmatch(str(root)):
        raise CloudError(f"{root}: a state directory may contain letters, digits and / . _ + = @ ~ - only")
    return Layout(root, Path(os.path.abspath(venv.expanduser())) if venv else root / "venv")  # noqa: PTH100


def write_private(path: Path, text: str) -> None:
    """Write a file atomically, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    draft.replace(path)


def tail(path: Path, lines: int = 30) -> str:
    """Return the last lines of a log, or a note that there is none."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 400 * lines))
            text = log.read().decode(errors="replace")
    except OSError:
        return f"({path} is missing)"
    return "\n".join(text.splitlines()[-lines:])
