"""The AWS CLI's commands for an instance, in a tutorial's order."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.support.names import unique


@pytest.mark.tool
def test_the_tutorial(aws_cli: Any, openstack_main: Any, image: str, instance_type: str, tmp_path: Path) -> None:
    name = unique("tutorial")
    script = tmp_path / "user-data.sh"
    script.write_text("#!/bin/sh\ntrue\n")
    key = aws_cli.json("ec2", "create-key-pair", "--key-name", name, "--key-type", "ed25519")
    assert "OPENSSH PRIVATE KEY" in key["KeyMaterial"]
    run = aws_cli.json(
        "ec2", "run-instances", "--image-id", image, "--instance-type", instance_type, "--count", "1:2",
        "--key-name", name, "--user-data", f"file://{script}",
        "--tag-specifications", f"ResourceType=instance,Tags=[{{Key=Name,Value={name}}}]",
    )  # fmt: skip
    made = [one["InstanceId"] for one in run["Instances"]]
    try:
        assert len(made) == 2
        aws_cli("ec2", "wait", "instance-running", "--instance-ids", *made)
        found = aws_cli.json(
            "ec2", "describe-instances", "--filters", f"Name=tag:Name,Values={name}",
            "--query", "Reservations[].Instances[].[InstanceId,KeyName]",
        )  # fmt: skip
        assert sorted(found) == sorted([one, name] for one in made)
        output = aws_cli.json("ec2", "get-console-output", "--instance-id", made[0])["Output"]
        assert output == openstack_main.compute.get_server_console_output(str(UUID(made[0][2:])))["output"]
    finally:
        aws_cli("ec2", "terminate-instances", "--instance-ids", *made)
        aws_cli("ec2", "wait", "instance-terminated", "--instance-ids", *made)
        aws_cli("ec2", "delete-key-pair", "--key-name", name)
