"""What an endpoint calls the things of a recording: ids, ARNs, addresses, tokens, as its answers tell them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from recording.secrets import is_mark

ID: Final = re.compile(r"(?<![\w-])[a-z]{1,12}(?:-[a-z]{2,12}){0,3}-[0-9a-f]{8,32}(?![\w-])")
TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?")
_RARE: Final = 8  # characters
_WORD: Final = re.compile(r"[\w-]{3,}(?:\.[\w-]+)*")

# Members whose values the endpoint chooses, beside ids.
_CHOSEN: Final = (
    "Account Arn AvailabilityZone AvailabilityZoneId CarrierIp ClientToken ContinuationToken CopySourceVersionId "
    "DeleteMarkerVersionId DisplayName DnsName ETag HostId ID IfMatch IfNoneMatch CopySourceIfMatch "
    "CopySourceIfNoneMatch IpAddress IpOwnerId KeyFingerprint MacAddress NextContinuationToken NextMarker NextToken "
    "NextVersionIdMarker OwnerId PrivateDnsName PrivateIp PrivateIpAddress PublicDnsName PublicIp PublicIpAddress "
    "RequesterId UploadId UserId VersionId VersionIdMarker ZoneId ZoneName"
)
CHOSEN: Final = frozenset(_CHOSEN.split())
# "If you do not specify an Availability Zone, we choose one for you" (CreateSubnet): by chance, as it seems.
_ZONES: Final = frozenset({"AvailabilityZone", "AvailabilityZoneId"})
_CHECKSUM: Final = re.compile(r"Checksum(?!Algorithm|Mode|Type)\w+")


def is_chosen(name: str, value: str) -> bool:
    """Tell whether an endpoint chose a value: by the member's name, or because it has the form of an id or ARN."""
    return name in CHOSEN or is_checksum(name) or value.startswith("arn:") or ID.fullmatch(value) is not None


def is_checksum(name: str) -> bool:
    """Tell whether a member is the checksum of a body."""
    return _CHECKSUM.fullmatch(name) is not None


class Names:
    """The names of one endpoint.  `given` are what the recorded command chose itself: they are the same everywhere."""

    def __init__(self) -> None:
        self._there: dict[str, str] = {}
        self._recorded: dict[str, str] = {}
        self._given: set[str] = set()
        self._lost: dict[str, str] = {}
        self._zones: set[str] = set()  # that the command asked for

    def give(self, params: Any) -> None:
        """Note the values that a recorded call chose, before its answer is looked at."""
        for name, value in texts(params):
            if name in _ZONES:
                self._zones.add(value)
            chosen = name in CHOSEN or is_checksum(name) or _is_reference(name, value)
            if not chosen and value not in self._there and value not in self._lost:
                self._given.add(value)

    def learn(self, recorded: str, there: str) -> None:
        """Note that the endpoint's `there` is the recording's `recorded`; what is known already stays."""
        if recorded in self._given or recorded in self._there or there in self._recorded:
            return
        self._there[recorded] = there
        self._recorded[there] = recorded

    def lose(self, answer: Any, why: str) -> None:
        """Note that an answer did not come, so that nobody asks for what it would have named."""
        for name, value in texts(answer):
            if is_chosen(name, value) and ID.fullmatch(value) and value not in self._there and value not in self._given:
                self._lost.setdefault(value, why)

    def why_lost(self, params: Any) -> str:
        """Return why parameters name something that the endpoint has not, '' where they name nothing of that kind."""
        for _, text in texts(params):
            for found in ID.findall(text):
                if found in self._lost and found not in self._there:
                    return f"it names {found}: {self._lost[found]}"
        return ""

    def unknown(self, params: Any) -> str:
        """Return an id among parameters that no answer of the endpoint has named."""
        for name, text in texts(params):
            if _is_reference(name, text) and text not in self._there:
                return text
        return ""

    def sent(self, text: str) -> str:
        """Return a recorded text in the endpoint's names."""
        return _replaced(text, self._there)

    def knows(self, recorded: str) -> bool:
        """Tell whether the endpoint's name for something is known."""
        return recorded in self._there

    def recorded(self, text: str, name: str = "") -> str:
        """Return a text of the endpoint in the recording's names.

        What was never mapped is told by its sort: `<vol>`, `<time>`, `<MacAddress>`.
        """
        if text in self._given:
            return text
        found = self._recorded.get(text)
        if found is not None and (name not in _ZONES or found in self._zones):
            return found
        if name in CHOSEN or is_checksum(name):
            return f"<{name}>"
        return TIME.sub("<time>", ID.sub(self._sort, _replaced(text, self._recorded)))

    def _sort(self, match: re.Match[str]) -> str:
        text = match[0]
        known = text in self._there or text in self._given
        return text if known else f"<{text.rpartition('-')[0]}>"


def _replaced(text: str, names: Mapping[str, str]) -> str:
    """Replace a text that is a name, or the names that are words in it, as in an ARN or a document."""
    found = names.get(text)
    if found is not None:
        return found
    if not names:
        return text
    return _WORD.sub(lambda match: names.get(match[0], match[0]) if _is_rare(match[0]) else match[0], text)


def _is_reference(name: str, value: str) -> bool:
    """Tell whether a parameter names a thing by its id."""
    return name.endswith(("Id", "Ids")) and ID.fullmatch(value) is not None


def _is_rare(word: str) -> bool:
    """Tell whether a word in a text is no accident: an id, an account, an address, and not the name of a zone."""
    return ID.fullmatch(word) is not None or (len(word) >= _RARE and any(map(str.isdigit, word)))


def texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text in a tree with the name of its member; what stands for secrets and bodies is left out."""
    if isinstance(value, Mapping):
        if not is_mark(value):
            for key, below in value.items():
                yield from texts(below, str(key))
    elif isinstance(value, list):
        for item in value:
            yield from texts(item, name)
    elif isinstance(value, str):
        yield name, value
