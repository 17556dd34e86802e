"""The code and the message of an error that botocore raises."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refusal(action: Callable[..., Any], **params: Any) -> tuple[str, str]:
    """Call an action that must fail with a 4xx, and return the error's code and message."""
    with pytest.raises(ClientError) as error:
        action(**params)
    status = error.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert status < 500, error.value
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def code(action: Callable[..., Any], **params: Any) -> str:
    """Return the code alone."""
    return refusal(action, **params)[0]
