"""The values that the configuration files depend on, decided before the first file is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adapters.embedded.layout import HOST, NETWORKS, ZONES, Layout


@dataclass(frozen=True, slots=True)
class Plan:
    """A cloud's paths, ports and passwords, the directory of Swift's objects, its network and its zones."""

    place: Layout
    ports: Mapping[str, int]
    passwords: Mapping[str, str] = field(repr=False)
    swift_devices: Path
    network: str = NETWORKS[0]  # one of NETWORKS
    zones: tuple[str, ...] = tuple(ZONES)
    programs: Path = Path("/")  # the root under which Open vSwitch and OVN are

    def url(self, name: str, path: str = "") -> str:
        """Return a URL on the port of that name."""
        return f"http://{HOST}:{self.ports[name]}{path}"

    @property
    def several_zones(self) -> bool:
        """Tell whether hosts are in aggregates: one host alone is in OpenStack's default zone without any."""
        return len(self.zones) > 1

    @property
    def keystone(self) -> str:
        """The identity endpoint."""
        return self.url("keystone", "/v3")


# (name in the catalog, type, port, path): the service catalog of every token.
CATALOG = (
    ("keystone", "identity", "keystone", "/v3"),
    ("placement", "placement", "placement", ""),
    ("glance", "image", "glance", ""),
    ("neutron", "network", "neutron", ""),
    ("nova", "compute", "nova", "/v2.1"),
    ("cinder", "block-storage", "cinder", "/v3"),
    # openstacksdk and older clients still ask for the versioned type, with the project in the path
    ("cinderv3", "volumev3", "cinder", "/v3/$(project_id)s"),
    ("swift", "object-store", "swift", "/v1/AUTH_$(project_id)s"),
    ("barbican", "key-manager", "barbican", ""),
)
