"""Run the kit as the command line asks: choose scenarios, run them with a progress line, write the report."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

import boto3
from botocore.exceptions import BotoCoreError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from conformance import cleaning, places
from conformance.endpoint import Endpoint
from conformance.formats import FORMATS
from conformance.results import Result
from conformance.runner import Run
from conformance.scenario import PREFIX, Catalogue, Scenario, load

SERVICES = ("s3", "ec2", "sts")
_REGION = "us-east-1"  # where no profile, variable or option names one


class MisuseError(Exception):
    """The run cannot begin; the text says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of a run."""

    url: str
    services: Sequence[str] = ()
    only: Sequence[str] = ()
    profile: str | None = None
    region: str | None = None
    image: str = ""
    type: str = ""
    at_once: int = 4


def chosen(catalogue: Catalogue, services: Sequence[str], only: Sequence[str]) -> list[Scenario]:
    """Return the scenarios of some services whose name, as `service/capability/name`, has a pattern in it."""
    patterns = [f"*{pattern.lower()}*" for pattern in only] or ["*"]
    found = [
        one
        for one in catalogue.scenarios
        if one.service in (services or SERVICES) and any(fnmatch(one.id.lower(), pattern) for pattern in patterns)
    ]
    if not found:
        raise MisuseError("no scenario is chosen: see --list")
    return sorted(found, key=lambda one: SERVICES.index(one.service))


def listed(services: Sequence[str], only: Sequence[str]) -> str:
    """Return the names of the chosen scenarios, a line for each."""
    return "\n".join(one.id for one in chosen(load(), services, only)) + "\n"


def run(asked: Asked, form: str) -> tuple[str, int]:
    """Run scenarios; return the report in a format, and the exit status."""
    catalogue = load()
    scenarios = chosen(catalogue, asked.services, asked.only)
    endpoint = connect(asked)
    known = {"endpoint": endpoint.url, "region": endpoint.session.region_name}
    if any(one.service == "ec2" for one in scenarios):
        try:
            known |= places.find(endpoint, asked.image, asked.type)
        except places.NoPlaceError as error:
            raise MisuseError(str(error)) from None
    running = Run(endpoint, catalogue, f"{PREFIX}{secrets.token_hex(3)}-", known)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as line:
        task = line.add_task("", total=len(scenarios))

        def done(result: Result) -> None:
            line.update(task, advance=1, description=result.scenario.id[:60])

        report = running.all(scenarios, asked.at_once, done)
    return FORMATS[form](report), 130 if running.stop.is_set() else 0 if report.clean else 1


def clean(asked: Asked) -> list[str]:
    """Delete what a killed run left, and return what could not be deleted."""
    return cleaning.clean(
        connect(asked), frozenset(asked.services or ("s3", "ec2")), lambda line: print(line, file=sys.stderr)
    )


def connect(asked: Asked) -> Endpoint:
    """Return the endpoint, with credentials as every client of AWS finds them."""
    if not asked.url.startswith(("http://", "https://")):
        raise MisuseError(f"{asked.url} is no URL")
    try:
        session = boto3.Session(profile_name=asked.profile, region_name=asked.region)
        if not session.region_name:
            session = boto3.Session(profile_name=asked.profile, region_name=_REGION)
        if session.get_credentials() is None:
            raise MisuseError("no credentials were found: name a profile by --profile, or set AWS_ACCESS_KEY_ID")
    except BotoCoreError as error:
        raise MisuseError(str(error)) from None
    return Endpoint(asked.url.rstrip("/"), session)
