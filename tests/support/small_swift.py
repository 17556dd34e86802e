"""A second proxy of the embedded cloud's Swift, with lower limits, on the same accounts and the same storage.

    with small_swift(cloud) as place, gateway(place, "small", ...) as running: ...

The gateway must obey what such a Swift says in `/info`, so its limits are far below Swift's defaults.
"""

import shutil
import subprocess
import time
from collections.abc import Iterator
from configparser import RawConfigParser
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from adapters.embedded.layout import Layout
from adapters.embedded.processes import environment
from tests.support.target import Target, packages, redirected
from tests.support.wire import free_port

# In swift.conf.  See "swift-constraints" in Swift's etc/swift.conf-sample.
CONSTRAINTS = {
    "max_file_size": 6 << 20,
    "max_meta_value_length": 100,
    "max_meta_count": 40,
    "max_meta_overall_size": 2048,
    "max_header_size": 2048,
    "max_object_name_length": 200,
    "container_listing_limit": 7,
    "account_listing_limit": 5,
}
SEGMENTS = 2  # in one manifest
DELETIONS = 3  # in one bulk deletion
_START_SECONDS = 120.0
_STOP_SECONDS = 10.0


@contextmanager
def small_swift(cloud: Target) -> Iterator[Target]:
    """Run the proxy until the block ends, and give the cloud with this Swift; skip where the cloud is not embedded."""
    place = Layout(cloud.state / "cloud", packages())
    if not (place.root / "facts.json").exists():
        pytest.skip("another cloud's Swift has the limits that it has")
    root, port = cloud.state / "small-swift", free_port()
    configure(place.etc / "swift", root / "etc" / "swift", port)
    command = [str(place.python), "-P", "-m", "passerelle_cloud", "swift", str(root), "small"]
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment(place), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_until_ready(process, f"http://127.0.0.1:{port}/info", root / "log")
        yield redirected(cloud, "small-swift", f"http://127.0.0.1:{port}/v1/AUTH_%(project_id)s")
    finally:
        process.terminate()
        process.wait(_STOP_SECONDS)
        shutil.rmtree(root)


def configure(source: Path, target: Path, port: int) -> None:
    """Write the proxy's files: the rings as they are, its port, and the limits."""
    shutil.rmtree(target.parents[1], ignore_errors=True)
    target.mkdir(parents=True, mode=0o700)
    for ring in source.glob("*.ring.gz"):
        shutil.copy(ring, target)
    for name in ("swift.conf", "proxy-server.conf", "internal-client.conf"):
        text = RawConfigParser()
        text.read(source / name)
        if name == "swift.conf":
            text["swift-constraints"] = {key: str(value) for key, value in CONSTRAINTS.items()}
        else:
            text["DEFAULT"]["swift_dir"] = str(target)
        if name == "proxy-server.conf":
            text["DEFAULT"]["bind_port"] = str(port)
            text["filter:slo"]["max_manifest_segments"] = str(SEGMENTS)
            text["filter:bulk"]["max_deletes_per_request"] = str(DELETIONS)
        path = target / name
        path.touch(mode=0o600)
        with path.open("w") as file:
            text.write(file)


def wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until the proxy answers; raise with its log where it ends or stays silent."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(url, timeout=5):  # noqa: S310 - it is http
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the proxy did not start (status {process.poll()}):\n{log.read_text()[-3000:]}")
