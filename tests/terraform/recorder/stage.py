"""Runs Terraform before the observed moto, one resource after the other, and tells for which a call was made."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tests.support.target import Keys
from tests.terraform.conftest import environment, settings_for
from tests.terraform.recorder.observe import Made, Observer

PROVIDER: Final = {"source": "hashicorp/aws", "version": "5.100.0"}
_TABLE: Final = Path(__file__).with_name("resources.json")
_ENDS: Final = {
    "apply_complete": "apply_start",
    "apply_errored": "apply_start",
    "refresh_complete": "refresh_start",
}

Config = dict[str, dict[str, Any]]  # address → attributes


@dataclass(frozen=True, slots=True)
class Interval:
    """While Terraform worked on one resource.  With one operation at a time no other resource is worked on."""

    address: str
    action: str
    start: float
    end: float


@dataclass(slots=True)
class Stage:
    """A directory with Terraform's configuration and state, and moto."""

    directory: Path
    environment: dict[str, str]
    observer: Observer
    failed: set[str] = field(default_factory=set)

    def run(self, *words: str) -> list[Interval]:
        """Run a command with `-json` and one operation at a time; errors are printed, the other resources go on."""
        done = self._terraform(words[0], "-json", "-parallelism=1", *words[1:])
        self.failed = set()
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        for event in events:
            if event["type"] == "apply_errored":
                self.failed.add(event["hook"]["resource"]["addr"])
            if event.get("@level") == "error":
                about = event.get("diagnostic", {})
                print(
                    f"{about.get('address', '')}: {about.get('summary')}: {about.get('detail', '')[:300]}", flush=True
                )
        return list(_intervals(events))

    def show(self, *words: str) -> dict[str, Any]:
        """Return what a command prints as JSON."""
        found: dict[str, Any] = json.loads(self._terraform(*words).stdout)
        return found

    def init(self) -> None:
        """Find the provider; raise CalledProcessError where it is missing."""
        self._terraform("init").check_returncode()

    def write(self, config: Config) -> None:
        """Write the configuration."""
        blocks: dict[str, Any] = {}
        for address, attributes in config.items():
            *data, sort, name = address.split(".")
            kind = blocks.setdefault("data" if data else "resource", {})
            kind.setdefault(sort, {})[name] = {key: one for key, one in attributes.items() if one is not None}
        text = json.dumps(
            {
                "terraform": {"required_providers": {"aws": PROVIDER}},
                "provider": {"aws": {"region": "us-east-1", "s3_use_path_style": True}},
                **blocks,
            }
        )
        (self.directory / "main.tf.json").write_text(text, encoding="utf-8")

    def _terraform(self, *words: str) -> subprocess.CompletedProcess[str]:
        out = self.directory / "out.txt"  # to be looked at while it runs
        with out.open("w", encoding="utf-8") as written:
            done = subprocess.run(
                ["terraform", *words],
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=written,
                check=False,
            )
        return subprocess.CompletedProcess(done.args, done.returncode, out.read_text(encoding="utf-8"))


def prepared(directory: Path, mirror: str, url: str, observer: Observer, keys: Keys) -> Stage:
    """Make the directory."""
    directory.mkdir(parents=True)
    (directory / "one.txt").write_text("content")
    variables = environment(url, keys, settings_for(mirror, directory))
    # A fault of moto's would be tried again for many minutes.
    return Stage(directory, {**variables, "AWS_MAX_ATTEMPTS": "2"}, observer)


@dataclass(frozen=True, slots=True)
class Group:
    """A configuration, and the same with nothing beside what is needed.

    `changed` are the attributes of a resource that have another value than those of the one without more.
    """

    full: Config
    plain: Config
    changed: dict[str, list[str]]
    changes: bool = True  # in place; False where moto takes too long for them


def groups() -> list[Group]:
    """Return the groups of the table."""
    table = json.loads(_TABLE.read_text(encoding="utf-8"))
    found = []
    for place, group in enumerate(table["groups"]):
        full: Config = {}
        plain: Config = {}
        changed: dict[str, list[str]] = {}
        for sort, one in group.items():
            for number, more in enumerate([{}, *one["with"]]):
                address = f"{sort}.{f'with_{number - 1}' if number else 'base'}"
                plain[address] = _numbered(one["base"], number)
                full[address] = _numbered({**one["base"], **more}, number)
                other = [key for key, value in more.items() if key in one["base"] and value is not None]
                changed[address] = [key for key in other if "${" not in str(more[key])]
                # What stands in place of another attribute, and what it refers to, stays as it is.
                if None in more.values():
                    plain[address] = full[address]
                plain[address] |= {key: one for key, one in full[address].items() if key in more and "${" in str(one)}
        extra = {address: table["extra"][address] for address in table["extra_groups"].get(str(place), ())}
        found.append(Group({**full, **extra}, {**plain, **extra}, changed, place not in table["unchanged_groups"]))
    return found


def _numbered(value: Any, number: int) -> Any:
    text: Any = json.loads(json.dumps(value).replace("@", str(number + 1)))
    return text


def record(stage: Stage, group: Group) -> dict[str, Any]:
    """Make everything, read it, change in place what can be, destroy it; return what was seen of each resource."""
    if (stage.directory / "terraform.tfstate").exists():
        (stage.directory / "terraform.tfstate").unlink()
    stage.write(group.full)
    stage.init()
    calls: list[dict[str, Any]] = []
    first = len(stage.observer.made)
    calls += _attributed(stage, first, stage.run("apply", "-auto-approve"), "make")
    values = dict(_values(stage.show("show", "-json").get("values", {}).get("root_module", {})))
    for address in stage.failed:  # not all of its calls were made
        values.pop(address, None)
    calls += _attributed(stage, len(stage.observer.made), stage.run("plan", "-refresh-only"), "refresh")
    for config in (group.plain, group.full) if group.changes else ():
        stage.write(config)
        stage.run("plan", "-out=planned")
        planned = stage.show("show", "-json", "planned").get("resource_changes", [])
        targets = [one["address"] for one in planned if one["change"]["actions"] == ["update"]]
        if targets:
            words = [f"-target={address}" for address in targets]
            first = len(stage.observer.made)
            calls += _attributed(stage, first, stage.run("apply", "-auto-approve", *words), "change")
    first = len(stage.observer.made)
    calls += _attributed(stage, first, stage.run("destroy", "-auto-approve"), "end")
    schema = _schema(stage, group.full)
    return {"config": group.full, "changed": group.changed, "values": values, "calls": calls, "schema": schema}


def _attributed(stage: Stage, first: int, intervals: list[Interval], phase: str) -> list[dict[str, Any]]:
    """Return each call with the address and the action that it was made for; '' for the provider's own."""
    found = []
    for one in stage.observer.made[first:]:
        fits = [interval for interval in intervals if interval.start <= one.at <= interval.end]
        assert len(fits) < 2, fits
        about = {"address": fits[0].address, "action": fits[0].action} if fits else {"address": "", "action": ""}
        found.append({**about, "phase": phase, **_plain(one)})
    return found


def _plain(one: Made) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(asdict(one), default=str))
    return found


def _intervals(events: list[dict[str, Any]]) -> Iterator[Interval]:
    began: dict[tuple[str, str], tuple[float, str]] = {}
    for event in events:
        kind, hook = event["type"], event.get("hook", {})
        if "resource" not in hook:
            continue
        address, at = hook["resource"]["addr"], datetime.fromisoformat(event["@timestamp"]).timestamp()
        if kind in ("apply_start", "refresh_start"):
            began[kind, address] = at, hook.get("action", "read")
        elif (start := _ENDS.get(kind)) and (start, address) in began:
            since, action = began.pop((start, address))
            yield Interval(address, action, since, at)


def _values(module: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for one in module.get("resources", ()):
        yield one["address"], one["values"]


def _schema(stage: Stage, config: Config) -> dict[str, Any]:
    """Return the attributes that can be set of each type, and whether the provider computes what is not set."""
    [provider] = stage.show("providers", "schema", "-json")["provider_schemas"].values()
    found = {}
    for sort in dict.fromkeys(address.rpartition(".")[0] for address in config):
        data, name = sort.startswith("data."), sort.removeprefix("data.")
        block = provider["data_source_schemas" if data else "resource_schemas"][name]["block"]
        settable = {
            key: bool(one.get("computed"))
            for key, one in block.get("attributes", {}).items()
            if one.get("optional") or one.get("required")
        }
        found[sort] = settable | dict.fromkeys(block.get("block_types", {}), False)
    return found


def wiped(directory: Path) -> None:
    """Remove the directory."""
    shutil.rmtree(directory, ignore_errors=True)
