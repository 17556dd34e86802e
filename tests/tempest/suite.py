"""Install ec2api-tempest-plugin in an environment of its own, point it at a gateway, run it, and read what it says.

The plugin was the acceptance test of OpenStack's retired EC2 service.  It speaks EC2 only, through botocore, so it runs
against any endpoint.  Tempest pins other releases than the gateway's tests do, so it has its own virtual environment.
"""

import os
import subprocess
import time
import venv
from collections.abc import Iterable, Mapping, Sequence
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.support.clients import REGION
from tests.support.target import REPOSITORY, Keys

LOCK = REPOSITORY / "requirements" / "tempest.lock"
ROOT = REPOSITORY / ".state" / "tempest"
PACKAGE = "ec2api_tempest_plugin"
SECONDS = 3000  # for all of it, on a busy machine
# The operations, one by one, and the pages of listings: the other scenarios need a guest that answers by ssh.  The two
# halves take as long as each other, and each runs in an account of its own, because many tests count what there is.
HALVES: tuple[tuple[str, ...], ...] = (
    ("addresses", "dhcp_options", "images", "instance_attributes", "instances", "instances_ebs", "instances_vpc",
     "internet_gateways", "key_pairs", "regions", "subnets", "volumes"),
    ("customer_gateways", "network_interfaces", "routes", "security_groups", "snapshots", "tags", "vpcs",
     "vpn_connections", "vpn_gateways", "paging"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one test: `passed`, `failed` or `skipped`, and why where it did not pass."""

    outcome: str
    reason: str = ""


class NotInstalledError(Exception):
    """The packages cannot be had here."""


def install() -> Path:
    """Make the environment unless it is there, from the lock and nothing else; return its Python."""
    python, stamp = ROOT / "venv" / "bin" / "python", ROOT / "installed.lock"
    if not stamp.exists() or stamp.read_bytes() != LOCK.read_bytes():
        venv.create(ROOT / "venv", clear=True, with_pip=True)
        command = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes"]
        done = subprocess.run([*command, "-r", str(LOCK)], check=False, capture_output=True, text=True)
        if done.returncode:
            raise NotInstalledError(done.stderr.strip()[-400:])
        stamp.write_bytes(LOCK.read_bytes())
    return python


def module(name: str) -> str:
    """Return the full name of one of the plugin's modules of tests."""
    return f"{PACKAGE}.{'scenario' if name == 'paging' else 'api'}.test_{name}"


def configure(directory: Path, url: str, keys: Keys, facts: Mapping[str, str]) -> None:
    """Write the plugin's configuration; `facts` names the cloud's zone, images and types in the plugin's terms."""
    settings = ConfigParser()
    settings["service_available"] = {"ec2api": "true"}
    settings["aws"] = {
        "ec2_url": url,
        "s3_url": url,
        "aws_access": keys.access,
        "aws_secret": keys.secret.replace("%", "%%"),
        "aws_region": REGION,
        "build_timeout": "300",
        "build_interval": "1",
        "run_ssh": "false",
        "run_long_tests": "false",
        "run_incompatible_tests": "false",
        "vpnaas_enabled": "false",
        **facts,
    }
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "functional_tests.conf").open("w") as file:
        settings.write(file)


def run(python: Path, chosen: Mapping[Path, Iterable[str]]) -> dict[Path, dict[str, Result]]:
    """Run tests with the configuration of each directory, all directories at the same time; return their results."""
    running = {directory: _start(python, directory, list(tests)) for directory, tests in chosen.items() if tests}
    deadline = time.monotonic() + SECONDS
    try:
        for process in running.values():
            process.wait(max(1.0, deadline - time.monotonic()))
    finally:
        for process in running.values():
            if process.poll() is None:
                process.kill()
                process.wait()
    return {directory: results(directory / "report.xml") for directory in running}


def _start(python: Path, directory: Path, tests: Sequence[str]) -> subprocess.Popen[bytes]:
    packages = next((ROOT / "venv" / "lib").glob("python*/site-packages"))
    (directory / "pytest.ini").write_text("[pytest]\n")
    command = [str(python), "-m", "pytest", "-q", "-c", str(directory / "pytest.ini"), f"--rootdir={packages}"]
    command += ["-p", "no:cacheprovider", "--tb=short", "--durations=20", f"--junit-xml={directory / 'report.xml'}"]
    with (directory / "output.txt").open("w") as output:
        return subprocess.Popen(
            [*command, "--pyargs", *tests],
            cwd=directory,
            env={"PATH": os.environ["PATH"], "HOME": str(directory), "TEST_CONFIG_DIR": str(directory)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def results(report: Path) -> dict[str, Result]:
    """Read pytest's report; a class whose set-up failed has a failed row for each of its tests."""
    found: dict[str, Result] = {}
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - written by our own run
        name = f"{case.get('classname')}.{case.get('name')}".removeprefix(f"{PACKAGE}.")
        outcome = Result("passed")
        for child in case:
            if child.tag in ("failure", "error"):
                outcome = Result("failed", child.get("message", ""))
            elif child.tag == "skipped":
                outcome = Result("skipped", child.get("message", ""))
        if name not in found or found[name].outcome == "passed" or outcome.outcome == "failed":
            found[name] = outcome
    return found


def within(half: Sequence[str], names: Iterable[str]) -> list[str]:
    """Return pytest's names of those tests whose module is in a half."""
    return [selector(name) for name in names if name.split(".")[1].removeprefix("test_") in half]


def selector(name: str) -> str:
    """Return pytest's name of a test, from its dotted name."""
    path, case, test = name.rsplit(".", 2)
    return f"{PACKAGE}.{path}::{case}::{test}"
