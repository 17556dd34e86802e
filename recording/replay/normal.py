"""An endpoint's answer in the recording's names, and what an answer teaches of the endpoint's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from recording.replay import alignment
from recording.replay.names import Names, is_chosen
from recording.secrets import is_mark

# States that pass by themselves; who waited for the next one recorded that.
_PASSING: Final = (
    "pending stopping shutting-down creating deleting modifying attaching detaching associating disassociating "
    "optimizing terminating initiating-request provisioning"
)
PASSING: Final = frozenset(_PASSING.split())


# The names of buckets are chosen by who makes them, also those that look like ids; these are whatever is there.
_OTHERS: Final = frozenset({"Buckets"})


def normal(value: Any, names: Names, name: str = "") -> Any:
    """Return an answer as it is compared: in the recording's names, without what must differ."""
    if isinstance(value, Mapping):
        return dict(value) if is_mark(value) else {key: normal(one, names, str(key)) for key, one in value.items()}
    if isinstance(value, list):
        return [normal(item, names, name) for item in value]
    return names.recorded(value, name) if isinstance(value, str) else value


def teach(recorded: Any, there: Any, names: Names, name: str = "") -> None:
    """Learn the endpoint's names from an answer beside the recorded one."""
    if isinstance(recorded, Mapping) and isinstance(there, Mapping):
        for key in (recorded.keys() & there.keys()) - _OTHERS:
            teach(recorded[key], there[key], names, str(key))
    elif isinstance(recorded, list) and isinstance(there, list):
        shown = [normal(item, names, name) for item in there]
        for i, j in alignment.pairs(recorded, shown):
            if i is not None and j is not None:
                teach(recorded[i], there[j], names, name)
    elif isinstance(recorded, str) and isinstance(there, str) and recorded and there and is_chosen(name, recorded):
        names.learn(recorded, there)


def passes(value: Any) -> bool:
    """Tell whether an answer has a state that passes by itself."""
    if isinstance(value, Mapping):
        return not is_mark(value) and any(map(passes, value.values()))
    if isinstance(value, list):
        return any(map(passes, value))
    return isinstance(value, str) and value in PASSING
