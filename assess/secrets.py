"""Keep the values of parameters out of the report, except those that decide: a source may hold a password."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from assess.calls import Call
from assess.cloudtrail.signature import Keep, keeps
from assess.verdicts import SERVICES, Finding, Outcome, Verdict

_INSTEAD: Final = "a value of its parameters is refused; values that may be secret are not shown"


def masked(verdict: Verdict, call: Call) -> Verdict:
    """Return a verdict whose sentences quote no value that may be secret."""
    service = SERVICES.get(call.service)
    if service is None or call.operation not in service.handlers or verdict.outcome is not Outcome.REFUSED:
        return verdict
    shape = service.model.operation_model(call.operation).input_shape
    hidden = dict(_hidden(call.params, keeps(service.operations[call.operation], shape)))
    if not hidden:
        return verdict
    words = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, sorted(hidden, key=len, reverse=True))) + r")(?!\w)")
    return Verdict(verdict.outcome, tuple(dict.fromkeys(_masked(one, hidden, words) for one in verdict.findings)))


def _masked(finding: Finding, hidden: Mapping[str, str], words: re.Pattern[str]) -> Finding:
    if finding.outcome is not Outcome.REFUSED:
        return finding
    path = hidden.get(finding.path, finding.path)  # some errors name the value and not the parameter
    return replace(finding, path=path, sentence=_INSTEAD) if words.search(finding.sentence) else finding


def _hidden(value: Any, kept: Mapping[str, Keep], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts that are not kept, each with the path of its parameter."""
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from _hidden(below, kept, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _hidden(item, kept, path)
    elif isinstance(value, str) and value:
        keep = kept.get(path)
        if keep is None or keep(value) != (value,):
            yield value, path
