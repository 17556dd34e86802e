"""S3's answers to unsigned requests."""

import pytest

from shim.app import FRONTENDS
from shim.protocol.message import Address, Head, Request

FORM = (("content-type", "multipart/form-data; boundary=x"),)


def request(
    method: str = "POST", bucket: str = "b", key: str = "", headers: tuple[tuple[str, str], ...] = FORM
) -> Request:
    return Request(Head(method, b"/", b"", headers), Address(bucket, key))


@pytest.mark.parametrize(
    "other",
    [request(), request("PUT"), request(bucket=""), request(key="k"), request(headers=()), request("GET", headers=())],
)
def test_all_else_is_denied(other: Request) -> None:
    error = FRONTENDS["s3"].unsigned(other)
    assert (error.code, error.status) == ("AccessDenied", 403)


@pytest.mark.parametrize("service", sorted(FRONTENDS))
def test_each_refusal_is_an_error_of_its_own(service: str) -> None:
    """A shared exception that is raised repeatedly would keep the frames of all those requests."""
    unsigned = FRONTENDS[service].unsigned
    assert unsigned(request()) is not unsigned(request())
