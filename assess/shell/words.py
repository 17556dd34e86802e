"""The commands of a shell script, each as words; what a variable or a substitution gives is not known.

The script is parsed by tree-sitter's grammar of Bash, which also reads what POSIX shells and Zsh have in common.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

# Stands for what is not known, also where the CLI wants a number.
PLACEHOLDER: Final = "880088008800"

_EXPANSIONS: Final = frozenset({"simple_expansion", "expansion", "command_substitution", "arithmetic_expansion"})
_MANY: Final = re.compile(r"\$[@*]|\$\{[@*]|\[[@*]\]")
_ESCAPED: Final = re.compile(r"\\(\n|.)", re.DOTALL)
_ESCAPED_IN_QUOTES: Final = re.compile(r'\\(\n|["\\$`])')


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a command; `spreads` if it may become any number of words."""

    text: str
    spreads: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command and its line."""

    line: int
    words: tuple[Word, ...]


def commands(script: bytes) -> tuple[list[Command], list[int]]:
    """Return the commands of a script, also those within others, and the lines that are no shell's."""
    tree = Parser(Language(tree_sitter_bash.language())).parse(script)
    nodes = list(_walk(tree.root_node))
    known = _variables(nodes)
    found = [Command(node.start_point[0] + 1, tuple(_words(node, known))) for node in nodes if node.type == "command"]
    return found, sorted({node.start_point[0] + 1 for node in nodes if node.type == "ERROR"})


def _walk(root: Node) -> Iterator[Node]:
    held = [root]
    while held:
        node = held.pop()
        yield node
        held.extend(reversed(node.children))


def _variables(nodes: list[Node]) -> Mapping[str, str]:
    """Return the variables that are set once, to a text; others may be anything."""
    times: Counter[str] = Counter()
    values: dict[str, str] = {}
    for node in nodes:
        if node.type == "variable_name" and node.parent is not None:
            of = node.parent
            name = _source(node)
            if of.type == "variable_assignment":
                times[name] += 1
                value = of.child_by_field_name("value")
                text, _ = _text(value, {}) if value is not None else ("", False)
                if PLACEHOLDER not in text and (value is None or value.type != "array"):
                    values[name] = text
            elif of.type not in _EXPANSIONS:
                times[name] += 2  # a loop's variable, or `local x` without a value
        elif node.type == "command" and _source(node).startswith(("read ", "mapfile ", "getopts ")):
            for word in _source(node).split():
                times[word] += 2
    return {name: text for name, text in values.items() if times[name] == 1}


def _words(command: Node, known: Mapping[str, str]) -> Iterator[Word]:
    for node in command.named_children:
        if node.type in ("variable_assignment", "file_redirect", "herestring_redirect", "heredoc_redirect", "comment"):
            continue
        inner = node.named_children[0] if node.type == "command_name" and node.named_children else node
        text, many = _text(inner, known)
        if inner.type in ("simple_expansion", "expansion") and PLACEHOLDER not in text:
            yield from (Word(part) for part in text.split())  # the shell splits what is not quoted
        else:
            yield Word(text, many or inner.type in _EXPANSIONS)


def _text(node: Node, known: Mapping[str, str]) -> tuple[str, bool]:
    """Return the text of a word with the placeholder for what is not known, and whether it may be several words."""
    source = _source(node)
    match node.type:
        case "raw_string":
            return source[1:-1], False
        case "string":
            return _parts(node, known, 1, _ESCAPED_IN_QUOTES)
        case "concatenation":
            return _parts(node, known, 0, _ESCAPED)
        case "simple_expansion" | "expansion":
            name = source.strip("${}")
            return known.get(name, PLACEHOLDER), bool(_MANY.search(source))
        case "word" | "number" | "command_name" | "string_content":
            return _ESCAPED.sub(_unescaped, source), False
    return PLACEHOLDER, False


def _parts(node: Node, known: Mapping[str, str], quotes: int, escaped: re.Pattern[str]) -> tuple[str, bool]:
    data, place, many = "", node.start_byte + quotes, False
    source: Any = node.text
    for child in node.named_children:
        between = source[place - node.start_byte : child.start_byte - node.start_byte].decode("utf-8", "replace")
        data += escaped.sub(_unescaped, between)
        if child.type == "string_content":
            data += escaped.sub(_unescaped, _source(child))
        else:
            text, more = _text(child, known)
            data, many = data + text, many or more
        place = child.end_byte
    rest = source[place - node.start_byte : node.end_byte - node.start_byte - quotes].decode("utf-8", "replace")
    return data + escaped.sub(_unescaped, rest), many


def _unescaped(match: re.Match[str]) -> str:
    return "" if match[1] == "\n" else match[1]


def _source(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
