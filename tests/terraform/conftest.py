"""Terraform as users run it: a process and a directory of its own, the provider as published, one variable more."""

import json
import os
import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.support.clients import REGION, Boto
from tests.support.gateway import Gateway
from tests.support.names import unique
from tests.support.target import Keys, Target

# The directory below which `registry.terraform.io/hashicorp/aws/…` lies: `terraform providers mirror` makes one.
MIRROR = "PASSERELLE_TERRAFORM_MIRROR"
ACCOUNT = "alt"
# For one command; an instance that does not come or go takes the provider ten minutes and more.  A machine that is busy
# with other work may be given longer.
SECONDS = int(os.environ.get("PASSERELLE_TEST_TERRAFORM_SECONDS", "280"))


class Workspace(Protocol):
    """Makes a directory out of one beside this file, for Terraform to work in, before the gateway at `url`."""

    def __call__(self, name: str, url: str = ...) -> "Terraform": ...


@dataclass(frozen=True, slots=True)
class Terraform:
    """Terraform in a directory that holds a configuration and its state."""

    directory: Path
    environment: dict[str, str]

    def __call__(self, *words: str, expect: Collection[int] = (0,)) -> subprocess.CompletedProcess[str]:
        """Run `terraform WORDS…`; a status that was not expected raises AssertionError with what Terraform said."""
        done = subprocess.run(
            ["terraform", *words],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        if done.returncode not in expect:
            raise AssertionError(
                f"terraform {' '.join(words)}: status {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
            )
        return done

    @contextmanager
    def ready(self, **variables: str) -> Iterator["Terraform"]:
        """Initialise the directory with these variables; whatever is in the state at the end is destroyed."""
        (self.directory / "terraform.tfvars.json").write_text(json.dumps(variables))
        self("init")
        yield self
        if self("state", "list", expect=(0, 1)).stdout:
            self("destroy", "-auto-approve")

    def outputs(self) -> dict[str, Any]:
        """Return the outputs of the state."""
        return {name: one["value"] for name, one in json.loads(self("output", "-json").stdout).items()}

    def planned(self, *options: str) -> dict[str, list[str]]:
        """Return what a plan would do to each resource that it would change: `aws_instance.web` → `["update"]`."""
        self("plan", "-out=planned", *options)
        plan = json.loads(self("show", "-json", "planned").stdout)
        changes = {one["address"]: one["change"]["actions"] for one in plan.get("resource_changes", ())}
        return {address: actions for address, actions in changes.items() if actions not in (["no-op"], ["read"])}

    def settled(self, *options: str) -> bool:
        """Tell whether a plan finds nothing to do, the outputs included (`-detailed-exitcode`)."""
        done = self("plan", "-detailed-exitcode", *options, expect=(0, 2))
        if done.returncode:
            print(done.stdout[-8000:])
        return done.returncode == 0

    def import_again(self, ids: Mapping[str, str], *options: str) -> None:
        """Forget resources (address → id) and import them; nothing is made anew, and a second plan is empty."""
        self("state", "rm", *ids)
        blocks = [{"to": address, "id": known} for address, known in ids.items()]
        imports = self.directory / "imports.tf.json"
        imports.write_text(json.dumps({"import": blocks}))
        assert set(map(tuple, self.planned(*options).values())) <= {("update",)}
        self("apply", "planned")
        imports.unlink()
        assert self.settled(*options)


@pytest.fixture
def name() -> str:
    """The name that everything in the configuration begins with."""
    return unique("terraform")


@pytest.fixture
def local_types(aws: Boto) -> list[Any]:
    """The instance types that need no root volume, the smallest first."""
    types = aws("ec2", ACCOUNT).describe_instance_types()["InstanceTypes"]
    local = [one for one in types if "instance-store" in one["SupportedRootDeviceTypes"]]
    return sorted(local, key=lambda one: (one["MemoryInfo"]["SizeInMiB"], one["VCpuInfo"]["DefaultVCpus"]))


@pytest.fixture
def smallest_type(local_types: list[Any]) -> str:
    """The smallest instance type that needs no root volume."""
    return str(local_types[0]["InstanceType"])


@pytest.fixture
def workspace(gateway: Gateway, cloud: Target, tmp_path: Path) -> Workspace:
    """Make directories for Terraform; skip where there is none, or no provider."""
    if not shutil.which("terraform"):
        pytest.skip("there is no terraform on the PATH")
    if not (mirror := os.environ.get(MIRROR)):
        pytest.skip(f"{MIRROR} does not say where a mirror of Terraform's AWS provider is")
    settings = settings_for(mirror, tmp_path)

    def make(name: str, url: str = gateway.url) -> Terraform:
        directory = tmp_path / name
        shutil.copytree(Path(__file__).with_name(name), directory)
        return Terraform(directory, environment(url, cloud.keys[ACCOUNT], settings))

    return make


def settings_for(mirror: str, directory: Path) -> Path:
    """Write Terraform's settings, by which it takes the provider from the mirror and from nowhere else."""
    settings = directory / "terraform.rc"
    settings.write_text(
        f"provider_installation {{\n  filesystem_mirror {{\n    path = {json.dumps(mirror)}\n  }}\n}}\n"
    )
    return settings


def environment(url: str, keys: Keys, settings: Path) -> dict[str, str]:
    """Return Terraform's environment: the endpoint and the keys, and no configuration of this machine."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(settings.parent),
        "TF_CLI_CONFIG_FILE": str(settings),
        "TF_CLI_ARGS": "-no-color",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",  # asks nobody for newer releases
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": keys.access,
        "AWS_SECRET_ACCESS_KEY": keys.secret,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def unanswered(gateway: Gateway) -> list[dict[str, Any]]:
    """Return the log lines of calls that the gateway answered with a 5xx, those of other tests too."""
    return [line for line in gateway.lines(message="call") if line["status"] >= 500]
