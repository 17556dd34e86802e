"""Asserts S3's error codes and statuses, as botocore raises them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError


@contextmanager
def refused(code: str, status: int | None = None) -> Iterator[dict[str, Any]]:
    """Expect a refusal; the yielded dict has the error's members after the block."""
    seen: dict[str, Any] = {}
    with pytest.raises(ClientError) as caught:
        yield seen
    answer = caught.value.response
    seen.update(answer["Error"])
    told = (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"])
    assert told[0] == code, caught.value
    assert status is None or told[1] == status, caught.value
