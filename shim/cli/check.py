"""`passerelle check`: scenarios of the AWS API, run against an endpoint that claims to have it."""

from __future__ import annotations

import signal
from types import FrameType
from typing import TextIO

import click

from shim.cli import own_packages
from shim.cli.options import report_options


@click.command()
@click.option("--on", "url", metavar="URL", help="The endpoint, such as http://127.0.0.1:8000.")
@click.option(
    "--service", "services", multiple=True, type=click.Choice(["s3", "ec2", "sts"]), help="Only its scenarios."
)
@click.option("--only", multiple=True, metavar="PATTERN", help="Only scenarios with this in `service/capability/name`.")
@click.option("--list", "listing", is_flag=True, help="Print the names of the scenarios and run none.")
@click.option("--clean", is_flag=True, help="Delete what a killed run left, and run nothing.")
@report_options("table", "json", "html", "junit", "markdown")
@click.option("--profile", help="The profile of ~/.aws with the credentials.")
@click.option("--region", help="The region [default: the profile's, else us-east-1].")
@click.option("--image", default="", metavar="AMI", help="The image to launch [default: found].")
@click.option(
    "--type", "kind", default="", metavar="TYPE", help="The instance type [default: t3.micro, or the smallest]."
)
@click.option(
    "--at-once", type=click.IntRange(1, 32), default=4, show_default=True, help="Scenarios that run side by side."
)
def check(
    *,
    url: str | None,
    services: tuple[str, ...],
    only: tuple[str, ...],
    listing: bool,
    clean: bool,
    form: str,
    output: TextIO,
    profile: str | None,
    region: str | None,
    image: str,
    kind: str,
    at_once: int,
) -> None:
    """Run scenarios of the AWS API against an endpoint, and print its score.

    Each scenario is one behaviour that AWS's documentation promises. Credentials come from where every client of AWS
    takes them. Only what the run made is changed, and all of it is deleted at the end. The status is 1 if a scenario
    fails or something could not be deleted, and 2 if the run cannot begin.
    """
    command = own_packages.imported("conformance.command", "assess", "conformance", extra="check")
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        if listing:
            output.write(command.listed(services, only))
            return
        if url is None:
            raise click.UsageError("--on is missing: the URL of an endpoint")
        asked = command.Asked(url, services, only, profile, region, image, kind, at_once)
        if clean:
            left = command.clean(asked)
            raise SystemExit("\n".join(["could not be deleted:", *left]) if left else 0)
        text, status = command.run(asked, form)
    except command.MisuseError as error:
        raise click.UsageError(str(error)) from None
    finally:
        signal.signal(signal.SIGTERM, before)
    output.write(text)
    raise SystemExit(status)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does: what was made is taken back."""
    raise KeyboardInterrupt
