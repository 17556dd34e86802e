"""What the configuration files depend on; it is decided before the first of them is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adapters.embedded.layout import HOST, Layout


@dataclass(frozen=True, slots=True)
class Plan:
    """A cloud's decisions: where, on which ports, with which passwords, and where Swift keeps objects."""

    place: Layout
    ports: Mapping[str, int]
    passwords: Mapping[str, str] = field(repr=False)
    swift_devices: Path

    def url(self, name: str, path: str = "") -> str:
        """Return a URL on the port of that name."""
        return f"http://{HOST}:{self.ports[name]}{path}"

    @property
    def keystone(self) -> str:
        """The identity endpoint."""
        return self.url("keystone", "/v3")


# (name in the catalog, type, port, path): what a client finds behind its token.
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
)
