"""`passerelle doctor`: asks the cloud whether the gateway can work with it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from adapters.openstack.cloud import CloudFactory, Limits
from adapters.openstack.config import CloudConfigError
from adapters.openstack.config import load as load_cloud
from adapters.openstack.doctor.findings import Finding, Verdict, problem
from adapters.openstack.doctor.report import examine
from adapters.openstack.transport import Timeouts
from shim.cli import config, options
from shim.config import Settings

_STYLES = {Verdict.OK: "green", Verdict.NOTE: "yellow", Verdict.PROBLEM: "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.option("--probe", is_flag=True, help="Try Swift's abilities with small objects in the gateway's own project.")
@options.settings_options
def doctor(*, as_json: bool, probe: bool, env_file: Path | None, **given: Any) -> None:
    """Ask the cloud whether the gateway can work with it, and say what to do where it cannot.

    Without --probe, every check only reads.  A note is a feature or a limit that is missing, a problem is something
    broken; the exit status is 1 when there is a problem.  It takes the options of `serve`.
    """
    settings = options.load(given, env_file)
    found: list[Finding] = []

    def tell(finding: Finding) -> None:
        found.append(finding)
        if not as_json:
            click.echo(line(finding))

    with _quiet():
        asyncio.run(_examine(settings, tell, probing=probe))
    broken = sum(one.verdict is Verdict.PROBLEM for one in found)
    if as_json:
        rows = [
            {"about": one.about, "verdict": one.verdict.value, "says": one.says, "advice": one.advice} for one in found
        ]
        click.echo(json.dumps(rows, indent=1))
    else:
        click.echo("nothing is broken" if not broken else f"{broken} problem{'s' * (broken != 1)}")
    raise SystemExit(1 if broken else 0)


def line(finding: Finding) -> str:
    """Return a finding as one line: how much it matters, what it is about, what was found, what to do."""
    word = click.style(f"{finding.verdict.value:8}", fg=_STYLES[finding.verdict])
    advice = f". {finding.advice}" if finding.advice else ""
    return f"{word} {finding.about}: {finding.says}{advice}"


async def _examine(settings: Settings, tell: Callable[[Finding], None], *, probing: bool) -> None:
    """Check the settings, then ask the cloud; call `tell` with each finding as soon as it is known."""
    for said in config.problems(settings):
        tell(problem("settings", said, "`passerelle config check` names the same."))
    try:
        cloud = load_cloud(settings.cloud, region=settings.region, interface=settings.interface)
        timeouts = Timeouts(settings.upstream_connect_seconds, settings.upstream_timeout_seconds)
        factory = await CloudFactory.open(cloud, Limits(timeouts))
    except (CloudConfigError, OSError):  # `config.problems` has reported it
        return
    try:
        policies = frozenset(settings.s3_storage_classes.values())
        secret, pool = settings.sse_key_secret, settings.ec2_ipv6_pool
        async for finding in examine(factory, secret, policies=policies, ipv6_pool=pool, probing=probing):
            tell(finding)
    finally:
        await factory.aclose()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the log out of the report: every failure becomes a finding."""
    loggers = [logging.getLogger(name) for name in ("adapters", "keystoneauth")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
