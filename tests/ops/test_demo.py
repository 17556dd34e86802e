"""`passerelle demo`: one command from nothing to exports that work."""

import os
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import openstack
import pytest
from openstack.config import OpenStackConfig

from shim.cli.background import Background
from tests.support.target import Target
from tests.support.wire import free_port


@pytest.fixture
def state(cloud: Target) -> Iterator[Path]:
    """The state directory of the embedded cloud, without the demo's gateway afterwards."""
    if not (cloud.state / "cloud" / "facts.json").exists():
        pytest.skip("the demo brings up the embedded cloud, and this session has another one")
    yield cloud.state
    Background(cloud.state).stop()


def demo(state: Path, *words: str) -> str:
    """Run `passerelle demo` as a user would and return what it printed."""
    command = [sys.executable, "-m", "shim", "demo", "--state-dir", str(state), *words]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "AWS_"))}
    done = subprocess.run(command, env=kept, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_demo_ends_with_exports_that_work(state: Path) -> None:
    said = demo(state, "--port", str(free_port()))
    for step in (
        "aws sts get-caller-identity",
        "Hello from Passerelle",
        "ec2 wait instance-running",
        "ACTIVE",
        "shutting-down",
    ):
        assert step in said
    assert re.search(r"^  i-[0-9a-f]{32}\tt3.micro\trunning\t172\.31\.", said, re.MULTILINE)

    file = state / "demo.env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    block = file.read_text()
    assert block in said
    exports = {name: shlex.split(value)[0] for name, value in re.findall(r"^export (\w+)=(.*)$", block, re.MULTILINE)}
    for prefix in ("", "ALT_", "TENANT_"):
        client = boto3.client(
            "sts",
            endpoint_url=exports["AWS_ENDPOINT_URL"],
            region_name=exports["AWS_DEFAULT_REGION"],
            aws_access_key_id=exports[f"{prefix}AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=exports[f"{prefix}AWS_SECRET_ACCESS_KEY"],
        )
        assert client.get_caller_identity()["Arn"].endswith(f":user/{(prefix or 'main_')[:-1].lower()}")
        client.close()
    native = OpenStackConfig(config_files=[str(state / "clouds.yaml")], load_envvars=False).get_one(cloud="main")
    with openstack.connection.Connection(config=native) as connection:
        assert [image.name for image in connection.image.images()]

    again = demo(state, "--no-tour")
    assert "it listens already" in again
    assert exports["AWS_ENDPOINT_URL"] in again
