"""`passerelle assess`: what the calls in CloudTrail's logs, in sources and of Terraform would do here."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

import click

from shim.cli import own_packages
from shim.cli.options import report_options


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="PATH...")
@report_options("table", "json", "html", "junit", "markdown")
def assess(*, paths: tuple[Path, ...], form: str, output: TextIO) -> None:
    """Tell what calls of the AWS API would do here, call by call and parameter by parameter.

    PATH is CloudTrail's logs (JSON, gzip), Python sources that use boto3, shell scripts with `aws`
    commands, a plan or state of Terraform (what `terraform show -json` prints), what `passerelle record`
    wrote, or a folder with any of these. No cloud is needed. The status is 1 if a call is refused.
    """
    command = own_packages.imported("assess.command", "assess", extra="assess")
    try:
        text, refuses = command.run(paths, form)
    except command.UnreadableError as error:
        raise click.UsageError(str(error)) from None
    output.write(text)
    raise SystemExit(1 if refuses else 0)
