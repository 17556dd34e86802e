"""The AWS CLI's own tables: which operation a command calls, and with which parameters.

The CLI's parsers of arguments are used as they are, with those that its customisations add.  No file that an argument
names (`file://`) is read, and nothing is fetched.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from awscli.argparser import ArgTableArgParser
from awscli.argprocess import ParamError, unpack_argument
from awscli.clidriver import CLIDriver, ServiceCommand, ServiceOperation, create_clidriver
from awscli.customizations.waiters import WaitCommand

from assess import sdk
from assess.calls import UNKNOWN
from assess.shell.words import PLACEHOLDER, Word

_ELSEWHERE: Final = ("file://", "fileb://", "http://", "https://")
# Options of the CLI's second version that say nothing of the call; `True` if a value follows.
_OF_VERSION_2: Final = MappingProxyType(
    {"no-cli-pager": False, "cli-auto-prompt": False, "no-cli-auto-prompt": False, "cli-binary-format": True}
)
_NO_CALL: Final = frozenset({"configure", "help", "history", "--version"})
_GLOBALS: Final = Namespace(
    region=None, endpoint_url=None, verify_ssl=None, paginate=True, v2_debug=False, query=None, output=None
)


class UnfollowedError(Exception):
    """A command that could not be followed; its text says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that a command makes.  It is `readable` if its parameters are all that is sent."""

    service: str
    operation: str
    params: Mapping[str, Any]
    complete: bool
    readable: bool = True


@cache
def driver() -> CLIDriver:
    """Return the CLI with its customisations."""
    return create_clidriver()


@cache
def table() -> Mapping[str, Any]:
    """Return the CLI's commands."""
    found: Mapping[str, Any] = driver()._get_command_table()  # noqa: SLF001 - the CLI has no public door to it
    return found


@cache
def _operations(service: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = table()[service]._get_command_table()  # noqa: SLF001
    return found


@cache
def _global_options() -> Mapping[str, bool]:
    found = driver()._get_argument_table()  # noqa: SLF001
    flags = {name: getattr(one, "_action", None) not in ("store_true", "store_false") for name, one in found.items()}
    return {**flags, **_OF_VERSION_2}


def split(words: Iterable[Word]) -> tuple[list[Word], bool]:
    """Return the words without the options of all commands, and whether no unknown word may be an option."""
    rest: list[Word] = []
    complete, skip, after_option = True, False, False
    for word in words:
        if skip:
            skip = False
            continue
        name, equals, _ = word.text.removeprefix("--").partition("=")
        if word.text.startswith("--") and name in _global_options():
            skip = _global_options()[name] and not equals
            continue
        if word.spreads and not after_option:
            complete = False
            if len(rest) >= 2:
                continue
        after_option = word.text.startswith("--")
        rest.append(word)
    return rest, complete


def asked(words: Sequence[Word]) -> Iterator[Asked]:
    """Yield the calls of an `aws` command; raise UnfollowedError where these cannot be told."""
    rest, complete = split(words)
    if not rest or rest[0].text in _NO_CALL or any(word.text == "help" for word in rest[1:3]):
        return
    names = [word.text for word in rest[:2]]
    if any(PLACEHOLDER in name for name in names):
        raise UnfollowedError("the command is known only when it runs")
    command = table().get(names[0])
    if command is None:
        raise UnfollowedError("the AWS CLI has no command of this name")
    if names[0] == "s3":
        from assess.shell import s3

        yield from s3.asked(rest[1:], command, complete=complete)
        return
    if not isinstance(command, ServiceCommand) or len(rest) < 2:
        raise UnfollowedError(f"what `aws {names[0]}` calls is not read")
    found, arguments, waits = _operations(names[0]).get(names[1]), rest[2:], False
    if isinstance(found, WaitCommand):
        name = arguments[0].text if arguments else ""
        found, arguments, waits = found._build_subcommand_table().get(name), arguments[1:], True  # noqa: SLF001
    if not isinstance(found, ServiceOperation):
        raise UnfollowedError(f"`aws {names[0]}` has no command of this name whose calls are known")
    yield from _operation(found, arguments, complete=complete, waits=waits)


def _operation(found: ServiceOperation, words: Sequence[Word], *, complete: bool, waits: bool) -> Iterator[Asked]:
    model = found._operation_model  # noqa: SLF001
    parsed = parse(found.arg_table, words)
    try:
        found._emit(  # noqa: SLF001
            f"operation-args-parsed.{found._parent_name}.{found.name}",  # noqa: SLF001
            parsed_args=parsed,
            parsed_globals=_GLOBALS,
        )
    except Exception as error:  # noqa: BLE001 - a customisation that refuses the arguments raises what it likes
        raise UnfollowedError(f"the AWS CLI refuses the arguments: {type(error).__name__}") from None
    values = vars(parsed)
    if values.get("generate_cli_skeleton"):
        return
    params: dict[str, Any] = {}
    given = values.get("cli_input_json") or values.get("cli_input_yaml")
    if given is not None:
        try:
            params |= json.loads(given)
        except ValueError:  # a file, or a variable
            complete = False
    service = model.service_model.service_name
    for argument in found.arg_table.values():
        value = values.get(argument.py_name)
        if value is not None and not argument.name.startswith(("cli-input", "generate-cli")):
            complete = _add(argument, _hidden(value), params, (found, service)) and complete
    params, whole = known(params)
    paging = params.pop("PaginationConfig", None)
    limit = sdk.paginated(service).get(sdk_name(service, model.name), {}).get("limit_key")
    if isinstance(paging, dict) and "PageSize" in paging and limit:
        params[limit] = paging["PageSize"]
    yield Asked(service, model.name, params, complete and whole, readable=not waits)


def sdk_name(service: str, operation: str) -> str:
    """Return the name of the operation in the table of paginators."""
    return next((name for name, one in sdk.methods(service).items() if one == operation), "")


def _hidden(value: Any) -> Any:
    """Return an argument's value with the placeholder for what stands in a file or elsewhere."""
    if isinstance(value, list):
        return [_hidden(one) for one in value]
    return PLACEHOLDER if isinstance(value, str) and value.startswith(_ELSEWHERE) else value


def _add(argument: Any, value: Any, params: dict[str, Any], of: tuple[Any, str]) -> bool:
    """Add an argument's value to the parameters; tell whether all of it could be."""
    found, service = of
    session, name = found._session, found.name  # noqa: SLF001
    shape = argument.argument_model
    if shape is not None and shape.type_name == "blob" and hasattr(argument, "_serialized_name"):
        params[argument._serialized_name] = UNKNOWN  # noqa: SLF001 - bytes, or a file that is not to be opened
        return True
    try:
        unpacked = unpack_argument(session, service, name, argument, value, _GLOBALS)
        argument.add_to_params(params, unpacked)
    except (ParamError, ValueError, TypeError, KeyError, AttributeError):
        member = getattr(argument, "_serialized_name", None)
        if PLACEHOLDER not in str(value):
            raise UnfollowedError(f"the AWS CLI does not take the value of --{argument.name}") from None
        if member is None:
            return False
        params[member] = UNKNOWN
    return True


def parse(arguments: Mapping[str, Any], words: Sequence[Word]) -> Namespace:
    """Let the CLI's parser read the words; none is required, since a variable may hold it."""
    parser = ArgTableArgParser(arguments)
    parser.error = _refuse
    for action in parser._actions:  # noqa: SLF001
        action.required = False
    parsed, rest = parser.parse_known_args([word.text for word in words])
    options = [word.partition("=")[0] for word in rest if word.startswith("--")]
    if rest:
        what = f"no option {options[0]}" if options and PLACEHOLDER not in options[0] else "a word too many"
        raise UnfollowedError(f"the AWS CLI's table has {what}")
    found: Namespace = parsed
    return found


def _refuse(message: str) -> None:
    raise UnfollowedError("the AWS CLI's parser refuses the arguments")


def known(value: Any) -> tuple[Any, bool]:
    """Return parameters with UNKNOWN for what holds the placeholder, and whether all names of them are known."""
    if isinstance(value, dict):
        pairs = {name: known(below) for name, below in value.items() if PLACEHOLDER not in str(name)}
        whole = len(pairs) == len(value) and all(one for _, one in pairs.values())
        return {name: below for name, (below, _) in pairs.items()}, whole
    if isinstance(value, list):
        items = [known(one) for one in value]
        return [one for one, _ in items], all(whole for _, whole in items)
    return (UNKNOWN if value is not UNKNOWN and PLACEHOLDER in str(value) else value), True
