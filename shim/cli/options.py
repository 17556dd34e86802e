"""Settings from the command line: every field of `Settings` is an option, and all problems are reported together."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import click
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from shim.config import Settings

PREFIX = "PASSERELLE_"

# Variables of the embedded cloud and the test suite; any other one with the prefix must be a setting.
OTHER_VARIABLES = frozenset({"PASSERELLE_STATE", "PASSERELLE_CLOUD_VENV", "PASSERELLE_CLOUD_PORT_BASE"})
OTHER_PREFIXES = ("PASSERELLE_TEST_", "PASSERELLE_BENCH_")

state_dir = click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    envvar=["PASSERELLE_STATE", "PASSERELLE_STATE_DIR"],
    default=Settings.model_fields["state_dir"].default,
    show_default=True,
    help="Directory of the embedded cloud and the demo's files [PASSERELLE_STATE].",
)


def report_options(*forms: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options of a report: in which of these formats it is written, and where to."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        output = click.option(
            "-o", "--output", type=click.File("w", encoding="utf-8"), default="-", help="Write it to a file."
        )
        form = click.option(
            "--format",
            "form",
            type=click.Choice(forms),
            default="table",
            show_default=True,
            help="How the report is written.",
        )
        return form(output(command))

    return decorate


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command one option for each setting; secrets stay in the environment, where `ps` does not show them."""
    for name, field in reversed(Settings.model_fields.items()):
        if field.annotation is not SecretStr:
            command = _option(name, field)(command)
    return click.option(
        "--env-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="File of PASSERELLE_<FIELD>=value lines; the environment and options win over it.",
    )(command)


def _option(name: str, field: FieldInfo) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    flag = f"--{name.replace('_', '-')}"
    kind = _kind(field.annotation)
    described = f"{field.description} [{PREFIX}{name.upper()}]"
    if kind is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", name, default=None, help=described)
    if kind in (tuple, dict):
        metavar = "NAME=VALUE" if kind is dict else "TEXT"
        return click.option(flag, name, multiple=True, metavar=metavar, help=f"{described} May be repeated.")
    envvar = "PASSERELLE_STATE" if name == "state_dir" else None
    return click.option(flag, name, default=None, envvar=envvar, metavar=_metavar(kind), help=described)


def _kind(annotation: Any) -> Any:
    """Return the plain type behind `X | None`, `tuple[...]` or `dict[...]`."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return next(_kind(arm) for arm in get_args(annotation) if arm is not type(None))
    return origin if origin in (tuple, dict) else annotation


def _metavar(kind: Any) -> str:
    if get_args(kind):
        return "|".join(map(str, get_args(kind)))
    return {int: "NUMBER", float: "SECONDS", Path: "PATH"}.get(kind, "TEXT")


def load(given: Mapping[str, Any], env_file: Path | None = None) -> Settings:
    """Build the settings from options, environment and file; raise ClickException with every problem listed."""
    try:
        return _settings(_values(given), env_file)
    except ValidationError as e:
        found = "\n".join(f"  {line}" for line in problems(e))
        raise click.ClickException(f"the settings are not usable:\n{found}") from None


def load_usable(given: Mapping[str, Any], env_file: Path | None = None) -> tuple[Settings | None, list[str]]:
    """Build the settings as `load` does, with the default in place of each value that is malformed.

    Returns them with the problems of the malformed values; no settings where the file names some that do not exist.
    """
    values = _values(given)
    try:
        return _settings(values, env_file), []
    except ValidationError as e:
        found = problems(e)
        wrong = {str(one["loc"][0]).lower().removeprefix(PREFIX.lower()) for one in e.errors(include_input=False)}
    defaults = {
        name: field.get_default(call_default_factory=True)
        for name, field in Settings.model_fields.items()
        if name in wrong
    }
    try:
        return _settings(values | defaults, env_file), found
    except ValidationError:
        return None, found


def _settings(values: Mapping[str, Any], env_file: Path | None) -> Settings:
    return Settings(_env_file=env_file, **values)  # type: ignore[call-arg]


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given, in the form that Settings takes."""
    values: dict[str, Any] = {name: value for name, value in given.items() if value not in (None, ())}
    for name, value in values.items():
        if _kind(Settings.model_fields[name].annotation) is dict:
            values[name] = dict(_pair(name, item) for item in value)
    return values


def _pair(name: str, item: str) -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if not equals:
        raise click.BadParameter(f"{item!r} is not NAME=VALUE", param_hint=f"--{name.replace('_', '-')}")
    return key, value


def problems(error: ValidationError) -> list[str]:
    """Return a line for each refused setting; its value is not shown, since it may be a secret."""
    return [
        f"{PREFIX}{'.'.join(map(str, found['loc'])).upper().removeprefix(PREFIX)}: "
        f"{found['msg'].removeprefix('Value error, ')}"
        for found in error.errors(include_input=False, include_url=False)
    ]


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return the variables with the prefix that are no setting: nearly always misspelt ones."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | OTHER_VARIABLES
    return sorted(
        name
        for name in environment
        if name.upper().startswith(PREFIX) and name.upper() not in known and not name.startswith(OTHER_PREFIXES)
    )
