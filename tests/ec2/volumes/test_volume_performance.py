"""Iops and Throughput of a new volume: AWS's limits for the volume's type, and values that a cloud cannot guarantee."""

from __future__ import annotations

import pytest

from shim.app import FRONTENDS
from tests.security.door import Door
from tests.security.requests import signed, wire

COMBINATION, UNSUPPORTED = "InvalidParameterCombination", "UnsupportedOperation"
CASES = [
    *(
        (
            kind,
            parameter,
            value,
            COMBINATION,
            f"The parameter {parameter.lower()} is not supported for {shown} volumes.",
        )
        for kind, shown in ((None, "gp2"), ("gp2", "gp2"), ("standard", "standard"), ("st1", "st1"), ("own", "own"))
        for parameter, values in (("Iops", (0, 100, 3000, 16000)), ("Throughput", (125, 500)))
        for value in values
    ),
    ("io1", "Throughput", 125, COMBINATION, "The parameter throughput is not supported for io1 volumes."),
    ("io2", "Throughput", 500, COMBINATION, "The parameter throughput is not supported for io2 volumes."),
    ("io1", "Iops", 100, UNSUPPORTED, "The parameter Iops is not supported for io1 volumes."),
    ("io2", "Iops", 3000, UNSUPPORTED, "The parameter Iops is not supported for io2 volumes."),
    ("gp3", "Iops", 16000, UNSUPPORTED, "The value '16000' of the parameter Iops is not supported."),
    ("gp3", "Throughput", 500, UNSUPPORTED, "The value '500' of the parameter Throughput is not supported."),
]


@pytest.mark.parametrize(("type", "parameter", "value", "code", "message"), CASES)
def test_performance_that_a_type_does_not_have(
    type: str | None, parameter: str, value: int, code: str, message: str
) -> None:
    door, params = Door(), {parameter: value, "Size": 200, **({"VolumeType": type} if type else {})}
    request = signed(wire(FRONTENDS["ec2"].service, "CreateVolume", **params))
    answer = door.knock(request.method, request.url, request.headers, request.body)
    (record,) = door.records
    assert (answer.status, record.code, record.refused) == (400, code, parameter)
    assert message.replace("'", "&apos;") in answer.body.decode().replace("'", "&apos;")
    assert not door.touched
