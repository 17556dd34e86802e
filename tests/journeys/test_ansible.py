"""The journey by Ansible's collection amazon.aws: a second run changes nothing."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from openstack.connection import Connection

from tests.ec2.conftest import eventually, instance_type
from tests.journeys import clients
from tests.journeys.test_journeys import HERE, KEY, check_changed, check_made, environment
from tests.support.leftovers import inventory
from tests.support.names import unique

__all__ = ["environment", "instance_type"]
pytestmark = [pytest.mark.tool, pytest.mark.timeout(1800)]


def test_a_second_run_changes_nothing(
    environment: Mapping[str, str], tmp_path: Path, openstack_main: Connection, instance_type: str
) -> None:
    if not (command := clients.ansible()):
        pytest.skip("Ansible is not installed: `make ansible`")
    name, made, before = unique("journey"), tmp_path / "made.json", inventory(openstack_main)

    def play(**more: str) -> int:
        """Run the playbook; return how many tasks changed something."""
        variables = {
            "called": name,
            "instance_type": instance_type,
            "public_key": KEY,
            "made": str(made),
            "ansible_python_interpreter": str(command.with_name("python")),
        }
        done = subprocess.run(
            [str(command), "-i", "localhost,", str(HERE / "playbook.yml"), "-e", json.dumps({**variables, **more})],
            env={**environment, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "false"},
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        [changed] = re.findall(r"\bchanged=(\d+)", done.stdout)
        return int(changed)

    assert play() > 0
    check_made(openstack_main, name, json.loads(made.read_text()))
    assert play() == 0
    assert play(stage="two") > 0
    check_changed(openstack_main, json.loads(made.read_text()))
    play(state="absent")
    assert eventually(lambda: inventory(openstack_main).keys() <= before.keys())
