"""Brings up what the processes of all test sessions share: a cloud and a gateway before it.

Whoever uses them holds a lock file's shared lock, which the kernel releases even when a process is killed. Whoever gets
the exclusive lock is alone, and may stop what a session started.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from openstack.config import OpenStackConfig

from adapters.embedded import GATEWAY_SETTINGS, EmbeddedCloud, processes
from adapters.embedded.layout import write_private
from adapters.embedded.locks import locked
from shim import keystore
from shim.cli.background import Background
from shim.cli.demo import fingerprint

SERVICE_USER, ADMIN = "passerelle", "admin"  # the embedded cloud's names in its clouds.yaml

# Tests that run side by side, or soon after each other, call their buckets alike. What the environment says goes first.
# A test that freezes its clock signs with the time of that clock.
DEFAULTS = {"PASSERELLE_BUCKET_NAMES": "project", "PASSERELLE_CLOCK_SKEW_SECONDS": "1000000000"}


class InUseError(Exception):
    """Another session uses a gateway that is not the one which this session needs."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cloud: an entry of clouds.yaml for the gateway and one for the admin; no entry is the embedded cloud."""

    state: Path
    cloud: str = ""
    admin: str = ADMIN
    clouds_yaml: str = ""
    venv: Path | None = None

    @property
    def place(self) -> Path:
        """Where the files of this cloud's tests are."""
        return self.state / "pytest" / (self.cloud or "embedded")

    @property
    def embedded(self) -> EmbeddedCloud:
        """The embedded cloud of this state directory."""
        return EmbeddedCloud(self.state, self.venv, progress=lambda _: None)


@dataclass(slots=True)
class Shared:
    """A use of a cloud and its gateway."""

    wanted: Wanted
    say: Callable[[str], None] = field(repr=False)
    clouds_yaml: str = ""
    endpoint_url: str = ""

    @contextmanager
    def used(self) -> Iterator[Shared]:
        """Have both up and answering until the block ends."""
        place = self.wanted.place
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        users = os.open(place / "users", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with locked(place / "start", self.say):
                fcntl.flock(users, fcntl.LOCK_SH)
                self._start(place, users)
            yield self
        finally:
            os.close(users)

    def _start(self, place: Path, users: int) -> None:
        if self.wanted.cloud:
            self.clouds_yaml = self.wanted.clouds_yaml
        else:
            self._start_embedded(place)
            self.clouds_yaml = str(self.wanted.state / "clouds.yaml")
        files = [self.clouds_yaml] if self.clouds_yaml else None
        found = OpenStackConfig(config_files=files, load_envvars=False).config_filename
        self.endpoint_url = self._gateway(place, fingerprint(Path(found)) if found else "", users)

    def _start_embedded(self, place: Path) -> None:
        cloud = EmbeddedCloud(self.wanted.state, self.wanted.venv, progress=self.say)
        before = living(cloud)
        ours = not before or started_here(place, before)
        try:
            if not all(service.healthy for service in cloud.status()):
                cloud.up()
        finally:
            if ours:
                write_private(place / "started", "\n".join(living(cloud)))

    def _gateway(self, place: Path, made_of: str, users: int) -> str:
        background = Background(place)
        running = background.running()
        if running and running.made_of != made_of:
            try:  # whoever may start or stop a gateway waits meanwhile, so that the lock can go up and down
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InUseError(
                    f"another session uses a gateway of other code or another clouds.yaml, {running.url}: "
                    "wait for its end, or take another --passerelle-state-dir"
                ) from None
            background.stop()
            fcntl.flock(users, fcntl.LOCK_SH)
            running = None
        if running is None:
            keys = place / "sse-keys.json"
            if not keys.exists():
                keystore.add(keys)
            options = ["--cloud", self.wanted.cloud or SERVICE_USER, "--port", "0", "--metrics-port", "0"]
            options += ["--drain-seconds", "0"]
            environment = {"PASSERELLE_STATE": str(place), "PASSERELLE_SSE_KEY_FILE": str(keys)}
            defaults = DEFAULTS if self.wanted.cloud else {**DEFAULTS, **GATEWAY_SETTINGS}
            environment |= {name: os.environ.get(name, value) for name, value in defaults.items()}
            if self.clouds_yaml:
                environment["OS_CLIENT_CONFIG_FILE"] = self.clouds_yaml
            running = background.start(options, environment, made_of)
            self.say(f"the gateway listens on {running.url}")
        return running.url


def living(cloud: EmbeddedCloud) -> list[str]:
    """Return the processes of a cloud, each with its start: a process id alone is used again."""
    found = processes.running(cloud.place).values()
    return sorted(f"{process.pid} {process.started}" for service in found for process in service)


def started_here(place: Path, living: Sequence[str]) -> bool:
    """Tell whether sessions started all of these processes: what somebody else started is not taken down."""
    try:
        ours = (place / "started").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return False
    return bool(living) and set(living) <= set(ours)


def stop(wanted: Wanted) -> bool:
    """Stop the gateway, and the cloud if a session started it; tell whether nobody else uses them."""
    place = wanted.place
    if not place.exists():
        return False
    with locked(place / "start", lambda _: None):
        users = os.open(place / "users", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            Background(place).stop()
            if not wanted.cloud and started_here(place, living(wanted.embedded)):
                wanted.embedded.down()
            (place / "started").unlink(missing_ok=True)
        except BlockingIOError:
            return False
        finally:
            os.close(users)
    return True
