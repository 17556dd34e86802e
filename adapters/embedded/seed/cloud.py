"""Creates the resources that tenants need: flavors, images, volume types, an external network, tenants' networks."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from adapters.embedded import rest
from adapters.embedded.errors import AnswerError
from adapters.embedded.layout import ZONES
from adapters.embedded.plan import Plan
from adapters.embedded.rest import Json, Session

TENANTS = ("main", "alt", "tenant")

# Name → (vCPUs, MiB of RAM, GiB of root disk). The first block has OpenStack's usual names, the others AWS's.
FLAVORS: Mapping[str, tuple[int, int, int]] = {
    "m1.tiny": (1, 512, 1), "m1.small": (1, 2048, 20), "m1.medium": (2, 4096, 40),
    "t2.nano": (1, 512, 8), "t2.micro": (1, 1024, 8), "t2.small": (1, 2048, 8), "t2.medium": (2, 4096, 8),
    "t3.nano": (2, 512, 8), "t3.micro": (2, 1024, 8), "t3.small": (2, 2048, 8), "t3.medium": (2, 4096, 8),
    "t3.large": (2, 8192, 8), "t3.xlarge": (4, 16384, 8),
    "m5.large": (2, 8192, 8), "m5.xlarge": (4, 16384, 8), "m5.2xlarge": (8, 32768, 8),
    "c5.large": (2, 4096, 8), "c5.xlarge": (4, 8192, 8), "r5.large": (2, 16384, 8),
}  # fmt: skip
ARCHITECTURES = ("x86_64", "aarch64")
# Name → extra specs; volumes of the type `shared` can be attached to several servers.
VOLUME_TYPES: Mapping[str, Mapping[str, str]] = {
    "standard": {}, "gp2": {}, "gp3": {}, "shared": {"multiattach": "<is> True"}, "gp2-encrypted": {},
    "gp3-encrypted": {},
}  # fmt: skip
# Who encrypts is the hypervisor of the server that a volume is attached to.
ENCRYPTION = {"provider": "luks", "cipher": "aes-xts-plain64", "key_size": 256, "control_location": "front-end"}
EXTERNAL, EXTERNAL_CIDR = "public", "172.24.0.0/16"
DEFAULT, DEFAULT_CIDR = "default", "172.31.0.0/20"


def seed(plan: Plan) -> None:
    """Create missing resources, calling the four services in parallel."""
    token = rest.token(plan.keystone, "admin", plan.passwords["admin"], "admin")
    steps: tuple[Callable[[Plan, str], None], ...] = (networks, flavors, zones, images, volume_types)
    with ThreadPoolExecutor(len(steps)) as pool:
        for done in [pool.submit(step, plan, token) for step in steps]:
            done.result()


def flavors(plan: Plan, token: str) -> None:
    """Create the public flavors."""
    nova = Session(plan.url("nova", "/v2.1"), token)
    known = {each["name"] for each in nova.get("/flavors")["flavors"]}
    for name, (vcpus, ram, disk) in FLAVORS.items():
        if name not in known:
            nova.post("/flavors", {"flavor": {"name": name, "vcpus": vcpus, "ram": ram, "disk": disk}})


def zones(plan: Plan, token: str) -> None:
    """Put each compute host into the aggregate of its availability zone, where there are several zones."""
    if not plan.several_zones:
        return
    nova = Session(plan.url("nova", "/v2.1"), token)
    known = {each["availability_zone"]: each for each in nova.get("/os-aggregates")["aggregates"]}
    for zone in plan.zones:
        wanted = {"aggregate": {"name": zone, "availability_zone": zone}}
        found = known.get(zone) or nova.post("/os-aggregates", wanted)["aggregate"]
        if ZONES[zone] not in found.get("hosts", ()):
            nova.post(f"/os-aggregates/{found['id']}/action", {"add_host": {"host": ZONES[zone]}})


def images(plan: Plan, token: str) -> None:
    """Create one small public image per architecture; upload missing data, replace an unusable image.

    A Glance that ends during an upload leaves the image in status `saving` and refuses another upload.
    """
    glance = Session(plan.url("glance", "/v2"), token)
    known = {}
    for image in glance.get("/images?visibility=public&limit=1000")["images"]:
        if image["status"] in ("queued", "active"):
            known[image["name"]] = image
        elif image["name"] in [f"tiny-linux-{architecture}" for architecture in ARCHITECTURES]:
            glance.delete(f"/images/{image['id']}")
    for architecture in ARCHITECTURES:
        name = f"tiny-linux-{architecture}"
        image = known.get(name) or glance.post("/images", {
            "name": name, "visibility": "public", "disk_format": "raw", "container_format": "bare",
            "hw_architecture": architecture, "os_type": "linux", "os_distro": "linux", "os_version": "1",
        })  # fmt: skip
        if image["status"] == "queued":
            body = f"{name}: nothing boots from this\n".encode().ljust(65536, b"\0")
            glance.put(f"/images/{image['id']}/file", body, "application/octet-stream")


def volume_types(plan: Plan, token: str) -> None:
    """Make the public volume types, two of which encrypt."""
    cinder = Session(plan.url("cinder", "/v3"), token)
    known = {each["name"]: each["id"] for each in cinder.get("/types")["volume_types"]}
    for name, specs in VOLUME_TYPES.items():
        if name not in known:
            made = cinder.post("/types", {"volume_type": {"name": name, "extra_specs": dict(specs)}})
            known[name] = made["volume_type"]["id"]
        if name.endswith("-encrypted") and not cinder.get(f"/types/{known[name]}/encryption"):
            cinder.post(f"/types/{known[name]}/encryption", {"encryption": ENCRYPTION})


def networks(plan: Plan, token: str) -> None:
    """Create the external network, then each tenant's network behind it."""
    neutron = Session(plan.url("neutron", "/v2.0"), token)
    external = ensure(neutron, "network", {
        "name": EXTERNAL, "router:external": True, "provider:network_type": "flat",
        "provider:physical_network": EXTERNAL,
    })  # fmt: skip
    ensure(neutron, "subnet", {
        "name": EXTERNAL, "network_id": external["id"], "ip_version": 4, "cidr": EXTERNAL_CIDR, "enable_dhcp": False,
    })  # fmt: skip
    for name in TENANTS:
        tenant_network(plan, name, external["id"])


def tenant_network(plan: Plan, name: str, external: str) -> None:
    """Make a project's default network, subnet and router, as that project's own user."""
    neutron = Session(plan.url("neutron", "/v2.0"), rest.token(plan.keystone, name, plan.passwords[name], name))
    network = ensure(neutron, "network", {"name": DEFAULT}, "router:external=false")
    subnet = ensure(neutron, "subnet", {
        "name": DEFAULT, "network_id": network["id"], "ip_version": 4, "cidr": DEFAULT_CIDR,
    })  # fmt: skip
    router = ensure(neutron, "router", {"name": DEFAULT, "external_gateway_info": {"network_id": external}})
    try:
        neutron.put(f"/routers/{router['id']}/add_router_interface", {"subnet_id": subnet["id"]})
    except AnswerError as error:
        if error.status != 400:  # "Router already has a port on subnet"
            raise


def ensure(neutron: Session, kind: str, wanted: Mapping[str, Json], narrower: str = "") -> Json:
    """Find a network, subnet or router by name (and by its network), or create it."""
    query = f"name={wanted['name']}" + (f"&network_id={wanted['network_id']}" if "network_id" in wanted else "")
    known = neutron.get(f"/{kind}s?{query}&{narrower}")[f"{kind}s"]
    return known[0] if known else neutron.post(f"/{kind}s", {kind: wanted})[kind]
