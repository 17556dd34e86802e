"""Where a call goes: one endpoint for all services, one of its own for some, or AWS itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from botocore.exceptions import BotoCoreError
from botocore.session import Session

AWS: Final = "aws"  # in place of a URL


def target(url: str, by_service: Mapping[str, str]) -> Callable[[str, str], str]:
    """Return the function that gives the URL for a service and a region."""

    def of(service: str, region: str) -> str:
        found = by_service.get(service, url)
        return of_aws(service, region) if found == AWS else found

    return of


@cache
def of_aws(service: str, region: str) -> str:
    """Return the endpoint of AWS that its SDK takes for a service in a region."""
    try:
        client = Session().create_client(
            service,
            region_name=region,
            aws_access_key_id="unused",
            aws_secret_access_key="unused",  # noqa: S106
        )
    except (BotoCoreError, ValueError):  # signing names are not always names of clients
        return f"https://{service}.{region}.amazonaws.com"
    return str(client.meta.endpoint_url)
