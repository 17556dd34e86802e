"""The demo's tour: runs the first commands of a newcomer with the AWS CLI, and shows the result in OpenStack's API."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import click


class TourError(Exception):
    """A step of the tour failed; the text is what the CLI said."""


def find_cli() -> str | None:
    """Return the AWS CLI installed in this Python environment, else the one on the PATH."""
    beside = Path(sys.executable).with_name("aws")
    return str(beside) if beside.exists() else shutil.which("aws")


class Tour:
    """Runs the AWS CLI with the exported variables and with no other configuration."""

    def __init__(self, cli: str, exports: Mapping[str, str], say: Callable[[str], None] = click.echo) -> None:
        self._cli = cli
        self._exports = dict(exports)
        self._say = say

    def run(self, native: Callable[[str], str]) -> None:
        """Walk through S3, EC2 and STS and clean up; `native` tells how OpenStack sees the server of that name."""
        with tempfile.TemporaryDirectory() as home:
            directory = Path(home)
            (directory / "hello.txt").write_text("Hello from Passerelle\n")
            suffix = uuid.uuid4().hex[:8]
            bucket = f"tour-{suffix}"
            self._aws(directory, "sts get-caller-identity --output text")
            self._aws(directory, f"s3 mb s3://{bucket}")
            try:
                self._aws(directory, f"s3 cp hello.txt s3://{bucket}/greetings/hello.txt --no-progress")
                self._aws(directory, f"s3 ls s3://{bucket} --recursive")
                self._aws(directory, f"s3 cp s3://{bucket}/greetings/hello.txt -")
            finally:
                self._aws(directory, f"s3 rb --force s3://{bucket}")
            self._instance(directory, f"tour-{suffix}", native)

    def _instance(self, home: Path, name: str, native: Callable[[str], str]) -> None:
        kind = "--filters Name=architecture,Values=x86_64"
        image = self._aws(home, f"ec2 describe-images {kind} --query Images[0].ImageId --output text")
        tags = shlex.quote(f"ResourceType=instance,Tags=[{{Key=Name,Value={name}}}]")
        instance = self._aws(
            home,
            f"ec2 run-instances --image-id {image} --instance-type t3.micro --tag-specifications {tags}"
            " --query Instances[0].InstanceId --output text",
        )
        try:
            self._aws(home, f"ec2 wait instance-running --instance-ids {instance}")
            shown = shlex.quote("Reservations[].Instances[].[InstanceId,InstanceType,State.Name,PrivateIpAddress]")
            self._aws(home, f"ec2 describe-instances --instance-ids {instance} --query {shown} --output text")
            self._say(f"  and in OpenStack: {native(name)}")
        finally:
            query = shlex.quote("TerminatingInstances[].CurrentState.Name")
            self._aws(home, f"ec2 terminate-instances --instance-ids {instance} --query {query} --output text")

    def _aws(self, home: Path, words: str) -> str:
        """Run one command, show it and what it printed, and return that."""
        self._say(f"$ aws {words}")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        done = subprocess.run(
            [self._cli, *shlex.split(words)],
            cwd=home,
            env=kept | self._exports | {"HOME": str(home), "AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        for line in done.stdout.splitlines():
            self._say(f"  {line}")
        if done.returncode != 0:
            raise TourError(f"aws {words}: exit status {done.returncode}\n{done.stderr.strip()}")
        return done.stdout.strip()
