"""A Ceph of one monitor and one OSD in memory, and a radosgw that asks the embedded Keystone.

It takes the distribution's packages (Debian: radosgw, ceph-mon, ceph-osd, ceph-base, ceph-common), installed, or
unpacked below the directory PASSERELLE_TEST_CEPH.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from tests.support.target import Target, redirected
from tests.support.wire import free_port

_PROGRAMS = ("radosgw", "ceph-mon", "ceph-osd", "ceph", "monmaptool")
_START_SECONDS = 180.0
_COMMAND_SECONDS = 60.0
_STOP_SECONDS = 20.0
_ID = "6f4a9f7e-0f52-4f62-b6b5-9c4b3a1f2b11"
_CEPH = """
[global]
fsid = {id}
mon initial members = a
mon host = [v2:127.0.0.1:{port}]
public addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
# radosgw asks for an encrypted connection to the monitor otherwise, which `none` cannot give.
ms mon client mode = crc
mon allow pool size one = true
osd pool default size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon max pg per osd = 2000
mon data avail crit = 1
osd class dir = {libraries}/rados-classes
plugin dir = {libraries}/ceph
erasure code dir = {libraries}/ceph/erasure-code
run dir = {home}
admin socket = {home}/$name.asok
pid file = {home}/$name.pid
log file = {home}/$name.log
mon cluster log file = {home}/cluster.log
mon data = {home}/mon
osd data = {home}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd class load list = *
osd class default list = *
"""
_RADOSGW = """
[client.{name}]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw data = {home}/{name}
rgw keystone url = {keystone}
rgw keystone api version = 3
rgw keystone admin user = {user}
rgw keystone admin password = {password}
rgw keystone admin project = {project}
rgw keystone admin domain = Default
rgw keystone accepted roles = admin, member, swiftoperator
rgw keystone implicit tenants = true
rgw swift account in url = {in_url}
rgw enable usage log = false
"""


@dataclass(frozen=True, slots=True)
class Radosgw:
    """Two radosgw before one Ceph, each as the object store of the cloud: their URLs name the account, or do not."""

    with_account: Target
    without_account: Target


@contextmanager
def radosgw(cloud: Target) -> Iterator[Radosgw]:
    """Run Ceph and radosgw until the block ends; skip where the programs or the embedded Keystone are missing."""
    root = Path(os.environ.get("PASSERELLE_TEST_CEPH", "/"))
    path = str(root / "usr/bin")
    if missing := [name for name in _PROGRAMS if shutil.which(name, path=path) is None]:
        pytest.skip(f"Ceph is not installed: no {', '.join(missing)} in {path}")
    clouds = yaml.safe_load(cloud.clouds_yaml.read_text())["clouds"]
    if "admin" not in clouds:
        pytest.skip("radosgw needs an admin of Keystone, whom another cloud does not give")
    home = cloud.state / "ceph"
    shutil.rmtree(home, ignore_errors=True)
    with ExitStack() as stack:
        for name in ("osd", "plain", "named"):
            (home / name).mkdir(parents=True, mode=0o700)
        stack.callback(shutil.rmtree, home)
        places = {name: free_port() for name in ("mon", "plain", "named")}
        environment = _configure(root, home, places, clouds["admin"]["auth"])
        _start_ceph(stack, home, environment, places["mon"])
        for name in ("plain", "named"):
            stack.enter_context(_process(home, environment, "radosgw", "-n", f"client.{name}"))
        for name in ("plain", "named"):
            _wait_until_ready(f"http://127.0.0.1:{places[name]}/swift/info")
        urls = {name: f"http://127.0.0.1:{places[name]}/swift/v1" for name in ("plain", "named")}
        yield Radosgw(
            redirected(cloud, "ceph-named", f"{urls['named']}/AUTH_%(project_id)s"),
            redirected(cloud, "ceph-plain", urls["plain"]),
        )


def _configure(root: Path, home: Path, ports: Mapping[str, int], admin: Mapping[str, str]) -> dict[str, str]:
    """Write ceph.conf, and return the environment of the programs."""
    (classes,) = (root / "usr/lib").glob("*/rados-classes")
    libraries = classes.parent
    text = _CEPH.format(id=_ID, port=ports["mon"], libraries=libraries, home=home)
    for name, in_url in (("plain", "false"), ("named", "true")):
        text += _RADOSGW.format(
            name=name,
            port=ports[name],
            home=home,
            in_url=in_url,
            keystone=admin["auth_url"].removesuffix("/v3"),
            user=admin["username"],
            password=admin["password"],
            project=admin["project_name"],
        )
    conf = home / "ceph.conf"
    conf.touch(mode=0o600)
    conf.write_text(text)
    return {
        "PATH": f"{root}/usr/bin:{os.defpath}",
        "LD_LIBRARY_PATH": f"{libraries}:{libraries}/ceph:{root}/usr/lib:{root}/lib/{libraries.name}",
        "PYTHONPATH": f"{root}/usr/lib/python3/dist-packages",
        "CEPH_CONF": str(conf),
    }


def _start_ceph(stack: ExitStack, home: Path, environment: Mapping[str, str], port: int) -> None:
    """Make and start the monitor and the OSD."""

    def run(*command: str) -> None:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=_COMMAND_SECONDS, check=False)
        assert done.returncode == 0, (command, done.stderr.decode()[-2000:])

    run("monmaptool", "--create", "--addv", "a", f"[v2:127.0.0.1:{port}]", "--fsid", _ID, str(home / "monmap"))
    run("ceph-mon", "--mkfs", "-i", "a", "--monmap", str(home / "monmap"))
    stack.enter_context(_process(home, environment, "ceph-mon", "-i", "a"))
    run("ceph", "osd", "create")
    run("ceph-osd", "-i", "0", "--mkfs")
    stack.enter_context(_process(home, environment, "ceph-osd", "-i", "0"))
    run("ceph", "osd", "crush", "set", "0", "1.0", "root=default", "host=here")


@contextmanager
def _process(home: Path, environment: Mapping[str, str], *command: str) -> Iterator[None]:
    """Run a program in the foreground until the block ends."""
    with (home / f"{command[0]}{command[-1]}.out").open("wb") as log:
        process = subprocess.Popen([*command, "-f"], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urlopen(url, timeout=5):  # noqa: S310 - it is http
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"radosgw did not answer at {url}")
