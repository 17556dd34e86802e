"""Token buckets for the requests of each account, of the sizes that AWS documents, where the operator turns them on.

https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shim.errors import AwsError

_MOST_BUCKETS: Final = 20_000  # of all accounts; an account that is dropped starts with a full bucket again


@dataclass(frozen=True, slots=True)
class Rate:
    """The size of a bucket, and how many tokens it gets a second."""

    size: float
    refill: float


# "Request token bucket sizes and refill rates", by category.
READS = Rate(100, 20)  # non-mutating actions
UNFILTERED = Rate(50, 10)  # "unfiltered and unpaginated non-mutating actions"
CHANGES = Rate(50, 5)  # AWS's lowest rate, of resource-intensive actions
_OWN: Final[Mapping[str, Rate]] = {
    "RunInstances": Rate(5, 2),
    "StartInstances": Rate(5, 2),
    "TerminateInstances": Rate(100, 5),
}
# "the List, Describe, Search and Get categories"
_READING: Final = ("Describe", "Get", "List", "Search")


def rate_of(operation: str, req: Mapping[str, Any]) -> Rate:
    """Return the rate of the bucket that a request takes a token from."""
    if operation in _OWN:
        return _OWN[operation]
    if not operation.startswith(_READING):
        return CHANGES
    named = any(name.endswith(("Ids", "Id", "Names")) for name in req)
    bounded = named or req.get("Filters") or req.get("MaxResults") or not operation.startswith("Describe")
    return READS if bounded else UNFILTERED


class Buckets:
    """The buckets of all accounts, one for each action; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = _MOST_BUCKETS) -> None:
        self._clock = clock
        self._most = most
        self._left: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()  # tokens, and when they were so

    def __len__(self) -> int:
        """Return how many buckets are kept."""
        return len(self._left)

    def take(self, account: str, operation: str, req: Mapping[str, Any]) -> None:
        """Take a token for a request; raise RequestLimitExceeded if there is none."""
        rate = rate_of(operation, req)
        name = f"{operation} {rate.size}"  # "each API is evaluated individually"
        now = self._clock()
        left, since = self._left.get((account, name), (rate.size, now))
        left = min(rate.size, left + (now - since) * rate.refill)
        taken = left >= 1
        self._left[account, name] = (left - 1 if taken else left), now
        self._left.move_to_end((account, name))
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        if not taken:
            raise AwsError("RequestLimitExceeded", "Request limit exceeded.", 503, headers={"Retry-After": "1"})


buckets = Buckets()
