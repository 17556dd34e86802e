"""What the registry holds of an operation, and what it refuses to hold."""

import pytest

from shim.protocol.service import Service

EC2, S3 = Service("ec2"), Service("s3")


def test_registering_what_aws_lacks() -> None:
    service = Service("sts")

    async def get_caller(call: object, req: object) -> None: ...

    with pytest.raises(LookupError, match="no action get_caller"):
        service.action()(get_caller)

    async def assume_role(call: object, req: object) -> None: ...

    for path in ("RoleArm", "Tags.Name", "RoleArn.Name", "Tags Tags.Key.Deeper"):
        with pytest.raises(LookupError, match=path.split()[-1]):
            service.action(supports=path)(assume_role)
        with pytest.raises(LookupError, match=path.split()[-1]):
            service.action(ignores=dict.fromkeys(path.split(), "no reason"))(assume_role)
    service.action(supports="Tags.Key Tags PolicyArns.arn")(assume_role)
    with pytest.raises(LookupError, match="twice"):
        service.action()(assume_role)
    assert list(service.handlers) == ["AssumeRole"]
    operation = service.operations["AssumeRole"]
    assert operation.handler is assume_role
    assert operation.unsupported({"Tags": [{"Key": "a", "Value": "b"}], "PolicyArns": [{"arn": "c"}]}, "") is None


def test_facts_of_operations() -> None:
    put, get = S3.operations["PutObject"], S3.operations["GetObject"]
    assert (put.streaming_input, put.mutating) == ("Body", True)
    assert (get.streaming_input, get.mutating) == ("", False)
    assert (put.checksum.required, put.checksum.algorithm_member) == (False, "ChecksumAlgorithm")
    assert S3.operations["DeleteObjects"].checksum.required
    assert get.checksum.mode_member == "ChecksumMode"
    run = EC2.operations["RunInstances"]
    assert (run.has_dry_run, run.method) == (True, "POST")
    assert len(EC2.operations) == len(list(EC2.operations)) > 800
