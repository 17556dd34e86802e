"""`passerelle assess`: what the calls in CloudTrail's logs, in sources and of Terraform would do here."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TextIO

import click

from shim.cli import own_packages


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="PATH...")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "html", "junit", "markdown"]),
    default="table",
    show_default=True,
    help="How the report is written.",
)
@click.option("-o", "--output", type=click.File("w", encoding="utf-8"), default="-", help="Write it to a file.")
def assess(*, paths: tuple[Path, ...], form: str, output: TextIO) -> None:
    """Tell what calls of the AWS API would do here, call by call and parameter by parameter.

    PATH is CloudTrail's logs (JSON, gzip), Python sources that use boto3, shell scripts with `aws`
    commands, a plan or state of Terraform (what `terraform show -json` prints), what `passerelle record`
    wrote, or a folder with any of these. No cloud is needed. The status is 1 if a call is refused.
    """
    try:
        own_packages.check(import_module("assess"))
        command = import_module("assess.command")
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{error.name} is missing: install Passerelle with the extra `assess` (pip install 'passerelle[assess]')"
        ) from None
    try:
        text, refuses = command.run(paths, form)
    except command.UnreadableError as error:
        raise click.UsageError(str(error)) from None
    output.write(text)
    raise SystemExit(1 if refuses else 0)
