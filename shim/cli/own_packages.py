"""Refuse to start with another distribution's packages.

PyPI has other distributions that install packages named `shim` and `adapters`.  Installing one of them beside this one
silently overwrites this project's files.  Each package of this project has a `DISTRIBUTION` that names it.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import click

import adapters
import shim


def check(*further: ModuleType) -> None:
    """Raise ClickException unless all packages belong to this distribution and are in one directory."""
    packages = (shim, adapters, *further)
    for package in packages:
        if getattr(package, "DISTRIBUTION", None) != "passerelle":
            raise click.ClickException(
                f"{package.__file__} is not Passerelle's: another distribution has a package of that name. "
                "Install Passerelle into a virtual environment of its own."
            )
    homes = {Path(str(package.__file__)).resolve().parents[1] for package in packages}
    if len(homes) != 1:
        raise click.ClickException(
            "Passerelle's packages come from different places: " + ", ".join(map(str, sorted(homes)))
        )


def imported(name: str, *packages: str, extra: str) -> ModuleType:
    """Import a module that needs an extra's libraries, once `check` has looked at the packages that it is made of.

    Raises ClickException, which names the extra, where one of its libraries is not installed.
    """
    try:
        check(*map(import_module, packages))
        return import_module(name)
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{error.name} is missing: install Passerelle with the extra `{extra}` (pip install 'passerelle[{extra}]')"
        ) from None
