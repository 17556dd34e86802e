"""Read shell scripts: each `aws` command, wherever it stands in one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from assess.calls import Found
from assess.shell import cli, words
from assess.shell.words import PLACEHOLDER, Command, Word
from assess.sites import Sites

_SAY: Final = frozenset({"echo", "printf", "which", "type", "alias", "export", "unset"})
_RUN_TEXT: Final = frozenset({"eval", "sh", "bash", "zsh", "ssh"})
_IN_TEXT: Final = re.compile(r"(?:^|[\s;&|(])aws\s+[a-z]")


def read(paths: Iterable[Path]) -> Found:
    """Return the calls of shell scripts."""
    sites, broken = Sites(), []
    for path in paths:
        script = path.read_bytes()
        if b"aws" not in script:
            continue
        commands, errors = words.commands(script)
        broken += [f"{path}:{line}: it is not a shell's command" for line in errors]
        for place, command in enumerate(commands):
            _note(command, (str(path), command.line, place), sites)
    found = sites.found()
    found.unfollowed += broken
    return found


def _note(command: Command, site: tuple[str, int, int], sites: Sites) -> None:
    given = _aws(command.words)
    first = command.words[0].text if command.words else ""
    if given is None:
        if first.rpartition("/")[2] in _RUN_TEXT and any(_IN_TEXT.search(word.text) for word in command.words[1:]):
            sites.lose(site, f"a text with an `aws` command is given to {first}")
        return
    if first == "xargs":
        given = [*given, Word(PLACEHOLDER, spreads=True)]
    try:
        for call in cli.asked(given):
            sites.add(site, call.service, call.operation, dict(call.params), call.complete, call.readable)
    except cli.UnfollowedError as error:
        sites.lose(site, str(error))


def _aws(some: tuple[Word, ...]) -> list[Word] | None:
    """Return the words behind `aws`, also where another program runs it: `sudo aws`, `timeout 5 aws`."""
    if not some or some[0].text.rpartition("/")[2] in _SAY:
        return None
    for place, word in enumerate(some):
        if word.text.rpartition("/")[2] == "aws":
            rest = list(some[place + 1 :])
            after = next((one.text for one in rest if not one.text.startswith("-")), "")
            is_command = place == 0 or after in cli.table()
            return rest if is_command else None
    return None
