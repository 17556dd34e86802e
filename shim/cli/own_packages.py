"""Refuse to start with another distribution's packages.

The package index has other distributions that install packages named `shim` and `adapters`.  Installing one of them
beside this one overwrites our files without a word.  Each of our packages has a `DISTRIBUTION` that tells whose it is.
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
