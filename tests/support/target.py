"""The OpenStack that tests run on: the embedded one by default, any other by environment.

    PASSERELLE_TEST_STATE        where the embedded cloud lives (default: .state/test in the checkout); each further
                                 worker of pytest-xdist has a cloud of its own beside it (.state/test-gw1)
    PASSERELLE_TEST_KEEP=1       leave it running afterwards; one that ran before is always left running
    PASSERELLE_TEST_CLOUD=NAME   take another cloud: NAME in clouds.yaml is the gateway's service user, and the entries
                                 main, alt and tenant are members of three projects
    PASSERELLE_TEST_CLOUDS_YAML  which clouds.yaml (default: where openstacksdk looks)

On another cloud the access keys are made for the session and deleted afterwards.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import openstack
import yaml
from openstack.config import OpenStackConfig

from adapters.embedded import EmbeddedCloud

REPOSITORY = Path(__file__).resolve().parents[2]
ACCOUNTS = ("main", "alt", "tenant")


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key of one account."""

    access: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Target:
    """A cloud to test on.  `cloud` is the gateway's entry in clouds.yaml; `state` is where tests may keep files."""

    clouds_yaml: Path
    cloud: str
    keys: Mapping[str, Keys]
    state: Path

    def connect(self, account: str) -> openstack.connection.Connection:
        """Return an openstacksdk connection of one account, for the native view; the caller closes it."""
        config = OpenStackConfig(config_files=[str(self.clouds_yaml)], load_envvars=False)
        return openstack.connection.Connection(config=config.get_one(cloud=account))


def first_state() -> Path:
    """Return where the cloud of a session, or of its first worker, keeps its state."""
    return Path(os.environ.get("PASSERELLE_TEST_STATE", REPOSITORY / ".state" / "test")).absolute()


def state_directory() -> Path:
    """Return where this process's cloud keeps its state: each worker of pytest-xdist has a cloud of its own."""
    worker, first = os.environ.get("PYTEST_XDIST_WORKER", "gw0"), first_state()
    return first if worker == "gw0" else first.with_name(f"{first.name}-{worker}")


def packages() -> Path:
    """Return the virtual environment that all embedded clouds of the tests share: nothing is installed twice."""
    return Path(os.environ.get("PASSERELLE_CLOUD_VENV") or first_state() / "cloud" / "venv")


def redirected(cloud: Target, name: str, url: str) -> Target:
    """Return the cloud with another Swift at `url`, for a gateway; `name` is that of the written clouds.yaml."""
    clouds = yaml.safe_load(cloud.clouds_yaml.read_text())
    clouds["clouds"][cloud.cloud]["object_store_endpoint_override"] = url
    path = cloud.state / f"{name}-clouds.yaml"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(clouds))
    return replace(cloud, clouds_yaml=path)


@contextmanager
def target(progress: Callable[[str], None] = print) -> Iterator[Target]:
    """Give the cloud that the environment asks for, up and answering, until the session ends."""
    name = os.environ.get("PASSERELLE_TEST_CLOUD", "")
    state = state_directory()
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with other(name, state) if name else embedded(state, progress) as found:
        yield found


@contextmanager
def embedded(state: Path, progress: Callable[[str], None], cloud: EmbeddedCloud | None = None) -> Iterator[Target]:
    """Bring up the embedded cloud; take it down again unless it ran before or PASSERELLE_TEST_KEEP is set."""
    cloud = cloud or EmbeddedCloud(state, packages(), progress=progress)
    ran = all(service.healthy for service in cloud.status())
    try:
        facts = cloud.up()
        keys = {name: Keys(facts.accounts[name].access, facts.accounts[name].secret) for name in ACCOUNTS}
        yield Target(state / "clouds.yaml", "passerelle", keys, state)
    finally:
        if not ran and not os.environ.get("PASSERELLE_TEST_KEEP"):
            cloud.down()


@contextmanager
def other(name: str, state: Path) -> Iterator[Target]:
    """Use a cloud that somebody else runs, with access keys made for this session."""
    wanted = os.environ.get("PASSERELLE_TEST_CLOUDS_YAML") or os.environ.get("OS_CLIENT_CONFIG_FILE")
    config = OpenStackConfig(config_files=[wanted] if wanted else None, load_envvars=False)
    if config.config_filename is None:
        raise FileNotFoundError("no clouds.yaml found; name one in PASSERELLE_TEST_CLOUDS_YAML")
    draft = Target(Path(config.config_filename).absolute(), name, {}, state)
    keys: dict[str, Keys] = {}
    try:
        for account in ACCOUNTS:
            with draft.connect(account) as connection:
                keys[account] = make_key(connection)
        yield Target(draft.clouds_yaml, name, keys, state)
    finally:
        for account, key in keys.items():
            with draft.connect(account) as connection:
                connection.identity.delete(f"/users/{connection.current_user_id}/credentials/OS-EC2/{key.access}")


def make_key(connection: openstack.connection.Connection) -> Keys:
    """Make an access key for the user and project of a connection (Keystone's OS-EC2 extension)."""
    answer = connection.identity.post(
        f"/users/{connection.current_user_id}/credentials/OS-EC2", json={"tenant_id": connection.current_project_id}
    )
    if answer.status_code != 201:
        raise RuntimeError(f"Keystone refused to make an access key: {answer.status_code} {answer.text}")
    made = answer.json()["credential"]
    return Keys(made["access"], made["secret"])
