"""Refuse to start on strangers' code: the package index has other distributions with packages `shim` and `adapters`.

Whoever installs one of them beside this one overwrites files of ours, silently.  The marks of both packages tell.
"""

from __future__ import annotations

from pathlib import Path

import click

import adapters
import shim


def check() -> None:
    """Raise ClickException unless both import packages are this distribution's, and lie side by side."""
    for package in (shim, adapters):
        if getattr(package, "DISTRIBUTION", None) != "passerelle":
            raise click.ClickException(
                f"{package.__file__} is not Passerelle's: another distribution has a package of that name. "
                "Install Passerelle into a virtual environment of its own."
            )
    homes = {Path(str(package.__file__)).resolve().parents[1] for package in (shim, adapters)}
    if len(homes) != 1:
        raise click.ClickException(
            "shim and adapters come from different places: " + ", ".join(map(str, sorted(homes)))
        )
