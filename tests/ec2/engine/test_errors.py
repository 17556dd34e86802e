"""Every OpenStack fault has an EC2 error, with AWS's code and message."""

import pytest

from adapters.errors import BackendError, Fault
from shim.ec2.engine import errors
from shim.ec2.engine import resource_types as resource_types

UUID = "00000000-0000-4000-8000-00000000000f"
HEX = UUID.replace("-", "")


def said(fault: Fault, resource: str = "volume", id: str = UUID, **more: object) -> tuple[str, int, str]:
    error = errors.translate(BackendError(fault, service="x", resource=resource, id=id, detail="so it is", **more))  # type: ignore[arg-type]
    return error.code, error.status, error.message


def test_every_fault_has_an_answer() -> None:
    assert set(errors.TABLE) == set(Fault)


@pytest.mark.parametrize("resource", [*resource_types.RESOURCES, "", "nothing-known"])
@pytest.mark.parametrize("fault", Fault)
def test_every_pair_is_written_out(fault: Fault, resource: str) -> None:
    code, status, message = said(fault, resource)
    assert code
    assert message
    assert not {"{", "}"} & {*code, *message}
    assert status in (400, 401, 403, 500, 503)


@pytest.mark.parametrize(
    ("fault", "resource", "code", "status", "message"),
    [
        (Fault.NOT_FOUND, "volume", "InvalidVolume.NotFound", 400, f"The volume 'vol-{HEX}' does not exist."),
        (Fault.NOT_FOUND, "server", "InvalidInstanceID.NotFound", 400, f"The instance ID 'i-{HEX}' does not exist"),
        (Fault.NOT_FOUND, "subnet", "InvalidSubnetID.NotFound", 400, f"The subnet ID 'subnet-{HEX}' does not exist"),
        (Fault.NOT_FOUND, "image", "InvalidAMIID.NotFound", 400, f"The image id '[ami-{HEX}]' does not exist"),
        (Fault.IN_USE, "volume", "VolumeInUse", 400, f"Volume vol-{HEX} is currently in use"),
        (Fault.IN_USE, "security_group", "DependencyViolation", 400, f"resource sg-{HEX} has a dependent object"),
        (Fault.DUPLICATE, "keypair", "InvalidKeyPair.Duplicate", 400, f"The keypair '{UUID}' already exists"),
        (Fault.IN_USE, "volume_attachment", "VolumeInUse", 400, f"vol-{HEX} is already attached to an instance"),
        (Fault.QUOTA, "security_group", "SecurityGroupLimitExceeded", 400, "so it is"),
        (Fault.QUOTA, "security_group_rule", "RulesPerSecurityGroupLimitExceeded", 400, "so it is"),
        (Fault.QUOTA, "volume", "VolumeLimitExceeded", 400, "so it is"),
        (Fault.CONFLICT, "server", "IncorrectInstanceState", 400, "so it is"),
        (Fault.INVALID, "server", "InvalidParameterValue", 400, "so it is"),
        (Fault.NO_CAPACITY, "server", "InsufficientInstanceCapacity", 500, "so it is"),
        (Fault.NO_CAPACITY, "port", "InsufficientFreeAddressesInSubnet", 400, "so it is"),
        (Fault.FORBIDDEN, "server", "UnauthorizedOperation", 403, "You are not authorized to perform this operation."),
    ],
)  # fmt: skip
def test_the_words(fault: Fault, resource: str, code: str, status: int, message: str) -> None:
    assert said(fault, resource) == (code, status, message)


def test_a_name_is_shown_as_it_is() -> None:
    code, _, message = said(Fault.NOT_FOUND, "keypair", "my key")
    assert (code, message) == ("InvalidKeyPair.NotFound", "The key pair 'my key' does not exist")


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.THROTTLED])
def test_clients_are_told_when_to_come_back(fault: Fault) -> None:
    default = errors.translate(BackendError(fault, service="x"))
    told = errors.translate(BackendError(fault, service="x", retry_after=17))
    assert default.status == told.status == 503
    assert int(default.headers["Retry-After"]) > 0
    assert told.headers == {"Retry-After": "17"}


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.FORBIDDEN, Fault.UNAUTHORIZED, Fault.UNSUPPORTED])
def test_what_a_broken_service_says_stays_inside(fault: Fault) -> None:
    assert "so it is" not in said(fault)[2]


def test_not_all_that_is_missing_may_be_tried_again() -> None:
    """SDKs retry a 5xx for minutes, so only a transient fault may be one."""
    again = {fault for fault in Fault if errors.TABLE[fault].status >= 500}
    assert again == {
        Fault.UNAVAILABLE, Fault.THROTTLED, Fault.NO_CAPACITY, Fault.NOT_MODIFIED, Fault.RANGE, Fault.CHECKSUM
    }  # fmt: skip
