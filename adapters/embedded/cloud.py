"""The embedded cloud's commands: up, down, status, environment, logs, reset."""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adapters.embedded import (
    configure,
    databases,
    facts,
    free_ports,
    health,
    processes,
    secrets_file,
)
from adapters.embedded.errors import CloudError
from adapters.embedded.facts import CloudFacts
from adapters.embedded.host import PORT_PATIENCE, LocalHost
from adapters.embedded.install import install
from adapters.embedded.layout import HOST, NETWORKS, OVN, SERVICES, ZONES, Layout, layout, tail, write_private
from adapters.embedded.locks import locked
from adapters.embedded.ovn import ability, control, packages
from adapters.embedded.plan import Plan
from adapters.embedded.processes import Memory, Process
from adapters.embedded.repair import Repair
from adapters.embedded.seed import cloud as seed_cloud
from adapters.embedded.seed import identity as seed_identity


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """Status of one service: its pid (None if not running), whether all its ports answer, its address and memory."""

    service: str
    pid: int | None
    healthy: bool
    url: str
    memory: Memory


@dataclass(frozen=True, slots=True)
class EmbeddedCloud:
    """A real OpenStack on loopback, kept in `state_dir`/cloud.

    `venv` is the virtual environment (None: in the state directory); several clouds may share one. `port_base` is the
    first of twelve consecutive ports (None: free ports are chosen and remembered). `network` is one of NETWORKS (None:
    the one that the cloud was made with; at first 'none'). `progress` gets a line per step.
    """

    state_dir: Path
    venv: Path | None = None
    port_base: int | None = None
    network: str | None = None
    progress: Callable[[str], None] = field(default=print, repr=False)

    @property
    def place(self) -> Layout:
        """The paths of this cloud."""
        return layout(self.state_dir, self.venv)

    def up(self) -> CloudFacts:
        """Install, configure, start and seed whatever is missing; return when every service answers.

        Raises CloudError; a ServiceFailedError names the service and carries the end of its log.
        """
        place, say = self.place, stopwatch(self.progress)
        place.root.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(place.root / "lock-file", say):
            plan, signatures = self._prepare(say)
            repair = self._start(plan, signatures, say)
            known = self._seed(plan, repair, say)
        say("the cloud is up")
        return known

    def _prepare(self, say: Callable[[str], None]) -> tuple[Plan, Mapping[str, str]]:
        place = self.place
        configure.make_directories(place)
        chosen = choose_network(place, self.network)
        say("packages installed" if install(place, say) else "packages are there")
        configure.write_path(place)
        programs = packages.prepare(place, say) if chosen == OVN else Path("/")
        living = processes.running(place)
        ours = frozenset(port for service in living for port, _ in health.CHECKS.get(service, ()))
        plan = Plan(
            place=place,
            ports=free_ports.choose(place.root / "ports.json", self.port_base, ours, PORT_PATIENCE),
            passwords=secrets_file.passwords(place.root / "passwords.json"),
            swift_devices=configure.swift_devices(place),
            network=chosen,
            zones=choose_zones(place, chosen),
            programs=programs,
        )
        fresh = databases.prepare(place, say)
        say("databases created" if fresh else "databases are there")
        signatures = configure.write(plan)
        say(f"configured, ports {min(plan.ports.values())} to {max(plan.ports.values())}")
        return plan, signatures

    def _start(self, plan: Plan, signatures: Mapping[str, str], say: Callable[[str], None]) -> Repair:
        repair = Repair(LocalHost(plan, signatures), say, plan.place.services)

        def before_start(service: str) -> None:
            if service == "nova":  # it waits for the accounts, which are created once Keystone answers
                plan.place.identity_ready.unlink(missing_ok=True)

        repair.replace_unwell(before_start)
        say("services started")
        return repair

    def _seed(self, plan: Plan, repair: Repair, say: Callable[[str], None]) -> CloudFacts:
        place = plan.place
        repair.settle(["keystone"])
        say("keystone answers")
        known = repair.through(["keystone"], lambda: seed_identity.seed(plan))
        place.identity_ready.touch()
        say("accounts and catalog are there")
        repair.settle()
        say("every service answers")
        repair.through(place.services, lambda: seed_cloud.seed(plan))
        facts.save(place.root / "facts.json", known)
        write_private(place.root.parent / "clouds.yaml", facts.clouds_yaml(known))
        say("flavors, images, volume types and networks are there")
        repair.settle()
        return known

    def down(self) -> None:
        """Stop every process of this cloud and keep its state."""
        place = self.place
        if not place.root.exists():
            return
        with locked(place.root / "lock-file", self.progress):
            self._stop(place)

    def _stop(self, place: Layout) -> None:
        processes.stop(place)
        self.progress("no process of the cloud is left")

    def reset(self) -> None:
        """Stop the cloud and delete its state; keep the packages and the migrated databases that clouds start from."""
        place = self.place
        if not place.root.exists():
            return
        with locked(place.root / "lock-file", self.progress):
            self._stop(place)
            kept = {place.venv.name, "lock-file"} if place.venv.parent == place.root else {"lock-file"}
            shutil.rmtree(configure.swift_devices(place), ignore_errors=True)
            for entry in place.root.iterdir():
                if entry.name in kept or entry.name.startswith(
                    (f"{place.venv.name}-databases-", f"{place.venv.name}-ovn")
                ):
                    continue
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
            (place.root.parent / "clouds.yaml").unlink(missing_ok=True)
        self.progress("state deleted; packages kept")

    def status(self) -> tuple[ServiceStatus, ...]:
        """Return the status of every service, running or not."""
        place = self.place
        living = processes.running(place)
        ports = free_ports.remembered(place.root / "ports.json") or {}
        return tuple(service_status(place, service, living.get(service, []), ports) for service in place.services)

    def credentials(self) -> CloudFacts:
        """Read the endpoints, accounts and credentials; raise CloudError before the first `up` has ended."""
        return facts.load(self.place.root / "facts.json")

    def env(self, who: str = "admin") -> dict[str, str]:
        """Return the OS_* variables of an account (`admin`, `main`, …, `passerelle-system`)."""
        return facts.environment(self.credentials(), who)

    def inside(self, server: str) -> list[str]:
        """Return the prefix of a command that runs in a server's network namespace; `outside` is the internet's.

        Raises CloudError if the server has no port on the network, or this cloud carries no packets.
        """
        if self.place.network != OVN:
            raise CloudError("no packet flows in this cloud: bring one up with --network ovn")
        try:
            return control.inside(self.place, server)
        except OSError as error:
            raise CloudError(f"the network service does not answer: {error}") from error

    def logs(self, service: str, lines: int = 50) -> str:
        """Return the end of a service's log; also `install`, `databases` and `rings`."""
        if service not in (*SERVICES, OVN, "install", "databases", "rings"):
            raise CloudError(f"no service {service!r}; there are {', '.join(self.place.services)}")
        return tail(self.place.log(service), lines)


def choose_network(place: Layout, wanted: str | None) -> str:
    """Return the cloud's network, remembered once chosen: Neutron's database belongs to it."""
    note = place.root / "network"
    made = place.network if note.exists() or place.databases.exists() else None
    if made and wanted not in (None, made):
        raise CloudError(f"this cloud was made with --network {made}: reset it first")
    chosen = made or wanted or NETWORKS[0]
    if chosen == OVN:
        ability.require(place)
    if not note.exists():
        write_private(note, chosen)
    return chosen


def choose_zones(place: Layout, network: str) -> tuple[str, ...]:
    """Return the cloud's availability zones, remembered once chosen: Nova moves no host that has servers into another.

    With OVN there is one: a port is bound to the host of its server, and this machine is one chassis.
    """
    note = place.root / "zones"
    if note.exists():
        return tuple(note.read_text().split())
    chosen = tuple(ZONES)[:1] if network == OVN or place.databases.exists() else tuple(ZONES)
    write_private(note, " ".join(chosen))
    return chosen


def service_status(place: Layout, service: str, found: list[Process], ports: Mapping[str, int]) -> ServiceStatus:
    """Return the status of one service."""
    if not found or not ports:
        return ServiceStatus(service, None, False, "", Memory(0, 0))
    pid = found[0].pid
    url = str(place.switch_control) if service == OVN else f"http://{HOST}:{ports[health.CHECKS[service][0][0]]}"
    return ServiceStatus(service, pid, health.is_healthy(service, ports, place), url, processes.memory(pid))


def stopwatch(progress: Callable[[str], None]) -> Callable[[str], None]:
    """Return a `progress` that puts the seconds since this call before each line."""
    begun = time.monotonic()

    def say(line: str) -> None:
        progress(f"[{time.monotonic() - begun:6.1f} s] {line}")

    return say
