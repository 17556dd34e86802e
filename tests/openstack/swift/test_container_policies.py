"""New containers under storage policies that Swift does not have, or that are deprecated."""

import pytest

from adapters.errors import BackendError, Fault
from tests.openstack.scripted import Script
from tests.openstack.swift.test_swift_info import answer, played

HEAD = "X-Timestamp: 1795819157.35278\r\nX-Container-Object-Count: 1\r\nX-Container-Bytes-Used: 2\r\n"
OLD = answer("", f"{HEAD}X-Storage-Policy: old\r\nX-Container-Read: .r:*\r\n", status="204 No Content")
DEPRECATED = answer("Storage Policy 'old' is deprecated", status="400 Bad Request")
UNKNOWN = answer("Invalid X-Storage-Policy 'cold'", status="400 Bad Request")
MADE = answer("", status="201 Created")


def policies(script: Script) -> list[str]:
    """Return the storage policies that the requests name."""
    lines = [head.decode().lower().split("\r\n") for head in script.heads]
    return [next((one.partition(": ")[2] for one in head if one.startswith("x-storage-policy")), "") for head in lines]


def test_a_container_like_one_of_a_deprecated_policy_has_the_default_one() -> None:
    script = Script(OLD, DEPRECATED, MADE)
    assert played(script, lambda swift: swift.create_container("c+segments", like="c"))
    assert policies(script) == ["", "old", ""]
    assert b"x-container-read: .r:*" in script.heads[-1].lower()


@pytest.mark.parametrize("refusal", [DEPRECATED, UNKNOWN], ids=["deprecated", "unknown"])
def test_a_policy_that_is_asked_for_is_refused(refusal: object) -> None:
    script = Script(OLD, refusal)  # type: ignore[arg-type]
    with pytest.raises(BackendError) as refused:
        played(script, lambda swift: swift.create_container("c+segments+cold", like="c", policy="cold"))
    assert (refused.value.fault, refused.value.resource) == (Fault.INVALID, "policy")
    assert policies(script) == ["", "cold"]
