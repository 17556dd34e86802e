"""Writes the services' configuration files, their PYTHONPATH, Swift's rings and its directory for objects."""

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from adapters.embedded import conf
from adapters.embedded.errors import CloudError
from adapters.embedded.install import digest
from adapters.embedded.layout import REGION, ZONES, Layout, tail, write_private
from adapters.embedded.plan import Plan
from adapters.embedded.processes import PACKAGE, environment

SERVICE_SIDE = Path(__file__).with_name("services")
DIRECTORIES = (
    "log", "run", "run/recon", "lock", "cache", "etc/swift", "keystone", "placement", "neutron", "nova/instances",
    "cinder/volumes", "cinder/conversion", "cinder/coordination", "glance/images", "glance/staging", "glance/tasks",
)  # fmt: skip

# ML2 finds drivers by entry points, which only a distribution can declare.
DISTRIBUTION = {
    "METADATA": f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.0\n",
    "entry_points.txt": f"[neutron.ml2.mechanism_drivers]\npasserelle = {PACKAGE}.neutron_mechanism:Mechanism\n",
}

MEMORY = Path("/dev/shm")  # noqa: S108 - our own directory inside it, never a guessable file
XATTR_BYTES = 16384  # Swift's largest metadata, pickled, and s3api's


def make_directories(place: Layout) -> None:
    """Make the cloud's directories, each for its owner alone."""
    place.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in DIRECTORIES:
        (place.root / name).mkdir(parents=True, exist_ok=True, mode=0o700)


def write_path(place: Layout) -> None:
    """Make the services' PYTHONPATH: a link to the service-side package, and the entry points."""
    link = place.path / PACKAGE
    for name, content in DISTRIBUTION.items():
        write_private(place.path / f"{PACKAGE}-1.0.dist-info" / name, content)
    if not link.is_symlink() or link.readlink() != SERVICE_SIDE:
        link.unlink(missing_ok=True)
        link.symlink_to(SERVICE_SIDE)


def swift_devices(place: Layout) -> Path:
    """Choose the directory of Swift's objects. The choice is made once and remembered, since the objects stay there.

    Swift keeps an object's metadata in extended attributes. ext4 has room for about 4 KB of them, and an object with
    more fails with 507; a tmpfs takes larger ones since Linux 6.6. If there is none, ext4's limit applies.
    """
    note = place.root / "swift-devices"
    if note.exists():
        return Path(note.read_text())
    own = place.root / "swift"
    volatile = MEMORY / f"passerelle-{os.getuid()}-{hashlib.sha256(str(place.root).encode()).hexdigest()[:12]}"
    chosen = next((directory for directory in (own, volatile) if takes_metadata(directory)), own)
    write_private(note, str(chosen))
    return chosen


def takes_metadata(directory: Path) -> bool:
    """Tell whether files in this directory take large extended attributes; remove the directory if they do not."""
    probe = directory / ".probe"
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if directory.lstat().st_uid != os.getuid():
            return False  # under /dev/shm another user may own the name
        probe.touch()
        os.setxattr(probe, "user.probe", b"x" * XATTR_BYTES)
    except OSError:
        with suppress(OSError):  # not a directory, or not empty: an earlier cloud's objects are in it
            probe.unlink(missing_ok=True)
            directory.rmdir()
        return False
    probe.unlink()
    return True


def cloud_json(plan: Plan) -> str:
    """Return the settings for our code inside the services (see services.settings)."""
    return json.dumps({
        "region": REGION,
        "ports": dict(plan.ports),
        "keystone": plan.keystone,
        "placement": plan.url("placement"),
        "admin_password": plan.passwords["admin"],
        "identity_ready": str(plan.place.identity_ready),
        "network": plan.network,
        "hosts": [ZONES[zone] for zone in plan.zones],
        "programs": str(plan.programs),
        "metadata_secret": plan.passwords["metadata-proxy"],
    })  # fmt: skip


def service_code() -> str:
    """Return a digest of our code inside the services, so that they are restarted when it changes."""
    whole = hashlib.sha256()
    for file in sorted((*SERVICE_SIDE.rglob("*.py"), *SERVICE_SIDE.rglob("*.sh"))):
        whole.update(file.read_bytes())
    return whole.hexdigest()


def write(plan: Plan) -> Mapping[str, str]:
    """Write all files; return {service: signature of its configuration}."""
    place, common = plan.place, {"cloud.json": cloud_json(plan)}
    rendered = {service: files | common for service, files in conf.render(plan).items()}
    for files in rendered.values():
        for name, content in files.items():
            if not (place.etc / name).exists() or (place.etc / name).read_text() != content:
                write_private(place.etc / name, content)
    (plan.swift_devices / "d1").mkdir(parents=True, exist_ok=True, mode=0o700)
    make_rings(plan)
    packages = digest() + service_code()
    return {service: conf.signature(files, packages) for service, files in rendered.items()}


def make_rings(plan: Plan) -> None:
    """Make Swift's rings; make them again if the ports in them have changed."""
    directory, note = plan.place.etc / "swift", plan.place.etc / "swift/ring-ports"
    ports = [str(plan.ports[f"swift-{kind}"]) for kind in conf.swift.KINDS]
    made = f"{' '.join(ports)} {conf.swift.COLD}"
    if note.exists() and note.read_text() == made:
        return
    log = plan.place.log("rings")
    command = [str(plan.place.python), "-P", "-m", f"{PACKAGE}.swift.ring", str(directory), *ports]
    with log.open("wb") as output:
        done = subprocess.run(command, env=environment(plan.place), stdout=output, stderr=output, check=False)
    if done.returncode:
        raise CloudError(f"making Swift's rings failed\n--- end of {log} ---\n{tail(log)}")
    write_private(note, made)
