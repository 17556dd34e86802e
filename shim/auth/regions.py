"""Which region names a signature may be made for.

One cloud stands behind one gateway, so any name that looks like a region's is an alias of the cloud's own region: a
script written for `eu-west-3` runs unchanged.  The names of the other regions of the same Keystone catalogue are no
aliases, because a client that signs for one of them means another cloud.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

LONGEST = 64
# Letters, digits, `-` and `_`, as in AWS's names (eu-west-3) and OpenStack's (RegionOne): nothing that a host name, an
# ARN or a log line would read as its own punctuation.
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{LONGEST - 1}}}")


def is_name(text: str) -> bool:
    """Tell whether a text looks like the name of a region."""
    return _NAME.fullmatch(text) is not None


class Regions:
    """The names that are taken for the cloud's region; `name in regions` asks for one.

    `own` is the cloud's region and always works, whatever it looks like.  Where `listed` has names, only they work
    beside it.  `others` returns the names of the catalogue's other regions as they are known at the moment.
    """

    __slots__ = ("_listed", "_others", "_strict", "own")

    def __init__(
        self, own: str, listed: Collection[str] = (), others: Callable[[], Collection[str]] = frozenset
    ) -> None:
        self.own = own
        self._listed = frozenset((own, *listed)) - {""}
        self._strict = bool(listed)
        self._others = others

    def __contains__(self, name: object) -> bool:
        """Tell whether a client may sign for a region of this name."""
        if name in self._listed:
            return True
        if self._strict or not isinstance(name, str) or not _NAME.fullmatch(name):
            return False
        return name.casefold() not in self._others()
