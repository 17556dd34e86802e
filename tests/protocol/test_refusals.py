"""Bad parameters: named, in each service's own words, before any action runs."""

import pytest

from shim.errors import AwsError
from shim.protocol.message import Head, Request
from shim.protocol.service import Service
from tests.protocol.requests import form, identified, raw_form, s3

EC2, S3, STS = Service("ec2"), Service("s3"), Service("sts")


@EC2.action(supports="ImageId MinCount MaxCount BlockDeviceMappings.Ebs.VolumeSize", ignores={"Monitoring": "harmless"})
async def run_instances(call: object, req: object) -> None: ...


@EC2.action(supports="InstanceIds Filters MaxResults")
async def describe_instances(call: object, req: object) -> None: ...


@EC2.action(supports={"DestinationCidrBlock"})
async def create_route(call: object, req: object) -> None: ...


@STS.action(supports="RoleArn RoleSessionName DurationSeconds")
async def assume_role(call: object, req: object) -> None: ...


@S3.action(supports="ContentType Metadata")
async def put_object(call: object, req: object) -> None: ...


@S3.action(supports="MaxKeys EncodingType")
async def list_objects(call: object, req: object) -> None: ...


@S3.action(supports="ResponseContentDisposition IfModifiedSince Range")
async def get_object(call: object, req: object) -> None: ...


@S3.action(supports="Tagging.TagSet.Key")
async def put_bucket_tagging(call: object, req: object) -> None: ...


def refusal(service: Service, request: Request, body: bytes = b"") -> AwsError:
    with pytest.raises(AwsError) as caught:
        service.parse(identified(service, request), request, body)
    return caught.value


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (raw_form(""), "MissingAction", "The request must contain the parameter Action"),
        (form("Nonsense"), "InvalidAction", "The action Nonsense is not valid for this web service."),
        (form("RebootInstances"), "UnsupportedOperation", "The requested operation is not supported: RebootInstances"),
        (
            form("DescribeInstances", Colour__1="red"),
            "UnknownParameter",
            "The parameter Colour.1 is not recognized",
        ),
        (
            form("DescribeInstances", Filter__1__Nome="x"),
            "UnknownParameter",
            "The parameter Filter.1.Nome is not recognized",
        ),
        (
            form("DescribeInstances", InstanceIds__1="i-1"),
            "UnknownParameter",
            "The parameter InstanceIds.1 is not recognized",
        ),
        (
            form("DescribeInstances", InstanceId__x="i-1"),
            "UnknownParameter",
            "The parameter InstanceId.x is not recognized",
        ),
        (form("DescribeInstances", Filter="x"), "UnknownParameter", "The parameter Filter is not recognized"),
        (form("RunInstances", MinCount="1"), "MissingParameter", "The request must contain the parameter MaxCount"),
        (
            form("DescribeInstances", MaxResults="many"),
            "InvalidParameterValue",
            "Value (many) for parameter MaxResults is invalid. Expected an integer",
        ),
        (
            form("DescribeInstances", MaxResults="99999999999"),
            "InvalidParameterValue",
            "Value (99999999999) for parameter MaxResults is invalid. Expected an integer of 32 bits",
        ),
        (
            form("DescribeInstances", DryRun="1"),
            "InvalidParameterValue",
            "Value (1) for parameter DryRun is invalid. Expected 'true' or 'false'",
        ),
        (
            raw_form("Action=DescribeInstances&InstanceId.1=%FF"),
            "InvalidCharacter",
            "The parameter InstanceId.1 holds a character that is not valid UTF-8.",
        ),
        (
            raw_form("Action=DescribeInstances&InstanceId.1=a&InstanceId.1=b"),
            "InvalidParameterValue",
            "Value (b) for parameter InstanceId.1 is invalid. The parameter is given twice",
        ),
        (
            raw_form("Action=DescribeInstances&Action=TerminateInstances"),
            "InvalidParameterValue",
            "Value (TerminateInstances) for parameter Action is invalid. The parameter is given twice",
        ),
        (
            raw_form("Action=DescribeInstances&Version=2016-11-15&Version=2014-10-01"),
            "InvalidParameterValue",
            "Value (2014-10-01) for parameter Version is invalid. The parameter is given twice",
        ),
        (
            form("RunInstances", MinCount="1", MaxCount="1", BlockDeviceMapping__1__Ebs__Iops="3"),
            "UnsupportedOperation",
            "The parameter BlockDeviceMappings.Ebs.Iops is not supported.",
        ),
        (
            form("RunInstances", MinCount="1", MaxCount="1", UserData="eA=="),
            "UnsupportedOperation",
            "The parameter UserData is not supported.",
        ),
        (
            form("RunInstances", MinCount="1", MaxCount="1", InstanceInitiatedShutdownBehavior="explode"),
            "InvalidParameterValue",
            "Value (explode) for parameter InstanceInitiatedShutdownBehavior is invalid. "
            "Member must satisfy enum value set: [stop, terminate]",
        ),
    ],
)
def test_ec2(request_: Request, code: str, message: str) -> None:
    error = refusal(EC2, request_)
    assert (error.status, error.code, error.message) == (400, code, message)


def test_ec2_takes_what_aws_takes() -> None:
    request = raw_form(
        "Action=RunInstances&Version=2016-11-15&MinCount=1&MaxCount=2&Monitoring.Enabled=True&DryRun=FALSE"
        "&BlockDeviceMapping.3.Ebs.VolumeSize=9&BlockDeviceMapping.0.Ebs.VolumeSize=8&BlockDeviceMapping.10.Ebs.VolumeSize=10"
        "&AWSAccessKeyId=A&Signature=s&SignatureVersion=2&Timestamp=now&X-Amz-Date=now&InstanceType=made.here"
    )
    operation = identified(EC2, request)
    params = operation.parse(request, b"")
    assert [mapping["Ebs"]["VolumeSize"] for mapping in params["BlockDeviceMappings"]] == [8, 9, 10]
    assert params["Monitoring"] == {"Enabled": True}
    assert params["DryRun"] is False
    assert params["InstanceType"] == "made.here"  # an operator's flavor is no less a type than AWS's


def test_ec2_lists_of_one() -> None:
    for word in ("InstanceId", "InstanceId.1", "InstanceId.0"):
        request = raw_form(f"Action=DescribeInstances&{word}=i-1")
        assert EC2.parse(identified(EC2, request), request, b"") == {"InstanceIds": ["i-1"]}


def test_ec2_takes_a_number_after_a_name_that_has_none() -> None:
    """boto 2 asks GetConsoleOutput for `InstanceId.1`."""
    for word in ("InstanceId", "InstanceId.1"):
        found = EC2.operations["GetConsoleOutput"].parse(raw_form(f"Action=GetConsoleOutput&{word}=i-1"), b"")
        assert found == {"InstanceId": "i-1"}
    for words in ("InstanceId.2=i-1", "InstanceId.1=i-1&InstanceId.2=i-2", "InstanceId.1.x=i-1", "InstanceId.x=i-1"):
        with pytest.raises(AwsError, match="UnknownParameter: The parameter InstanceId"):
            EC2.operations["GetConsoleOutput"].parse(raw_form(f"Action=GetConsoleOutput&{words}"), b"")


def test_ec2_by_get() -> None:
    head = Head("GET", b"/", b"Action=DescribeInstances&InstanceId.1=i-1&Filter.1.Name=a&Filter.1.Value.1=b", ())
    request = Request(head)
    found = EC2.parse(identified(EC2, request), request, b"")
    assert found == {"InstanceIds": ["i-1"], "Filters": [{"Name": "a", "Values": ["b"]}]}


def test_ec2_takes_what_is_said_again_alike() -> None:
    """Some clients send a form, and the same words in the query."""
    words = "Action=DescribeInstances&Version=2016-11-15&InstanceId.1=i-1"
    request = raw_form("&".join([words, words]))
    assert EC2.parse(identified(EC2, request), request, b"") == {"InstanceIds": ["i-1"]}


ARN = "arn:aws:iam::123456789012:role/x"


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (form("Nonsense"), "InvalidAction", "The action Nonsense is not valid for this web service."),
        (
            raw_form("Action=GetCallerIdentity&Action=GetSessionToken"),
            "ValidationError",
            "1 validation error detected: Value 'GetSessionToken' at 'action' failed to satisfy constraint: "
            "The parameter is given twice",
        ),
        (
            form("AssumeRole", RoleArn=ARN),
            "ValidationError",
            "1 validation error detected: Value null at 'roleSessionName' failed to satisfy constraint: "
            "Member must not be null",
        ),
        (
            form("AssumeRole", RoleArn=ARN, RoleSessionName="x"),
            "ValidationError",
            "1 validation error detected: Value 'x' at 'roleSessionName' failed to satisfy constraint: "
            "Member must have length greater than or equal to 2",
        ),
        (
            form("AssumeRole", RoleArn=ARN, RoleSessionName="x y"),
            "ValidationError",
            "1 validation error detected: Value 'x y' at 'roleSessionName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        ),
        (
            form("AssumeRole", RoleArn=ARN, RoleSessionName="xy", DurationSeconds="1"),
            "ValidationError",
            "1 validation error detected: Value '1' at 'durationSeconds' failed to satisfy constraint: "
            "Member must have value greater than or equal to 900",
        ),
        (
            form("AssumeRole", RoleArn=ARN, RoleSessionName="xy", Colour="red"),
            "ValidationError",
            "The parameter Colour is not recognized",
        ),
        (
            form("AssumeRole", RoleArn=ARN, RoleSessionName="xy", Policy="{}"),
            "UnsupportedOperation",
            "The parameter Policy is not supported.",
        ),
        (
            form("AssumeRole", RoleArn=ARN, RoleSessionName="x" * 65),
            "ValidationError",
            f"1 validation error detected: Value '{'x' * 65}' at 'roleSessionName' failed to satisfy constraint: "
            "Member must have length less than or equal to 64",
        ),
        (form("GetSessionToken"), "UnsupportedOperation", "The requested operation is not supported: GetSessionToken"),
    ],
)
def test_sts(request_: Request, code: str, message: str) -> None:
    error = refusal(STS, request_)
    assert (error.status, error.code, error.message) == (400, code, message)


def test_a_secret_is_not_repeated() -> None:
    request = form("AssumeRoleWithWebIdentity", RoleArn=ARN, RoleSessionName="xy", WebIdentityToken="abc")
    with pytest.raises(AwsError) as caught:
        STS.operations["AssumeRoleWithWebIdentity"].parse(request, b"")
    assert "abc" not in str(caught.value)


DISPOSITION = "response-content-disposition"


@pytest.mark.parametrize(
    ("line", "status", "code", "extra"),
    [
        ("GET /b?max-keys=many", 400, "InvalidArgument", {"ArgumentName": "max-keys", "ArgumentValue": "many"}),
        ("GET /b?max-keys=1&max-keys=2", 400, "InvalidArgument", {"ArgumentName": "max-keys", "ArgumentValue": "2"}),
        ("GET /b?encoding-type=x", 400, "InvalidArgument", {"ArgumentName": "encoding-type", "ArgumentValue": "x"}),
        ("GET /b?prefix=%FF", 400, "InvalidURI", {}),
        ("GET /b?prefix=a", 501, "NotImplemented", {"Header": "prefix"}),
        ("PUT /b/k?x-amz-unheard-of=1", 501, "NotImplemented", {"Header": "x-amz-unheard-of"}),
        ("PUT /b/k?X-Amz-Acl=public-read", 501, "NotImplemented", {"Header": "x-amz-acl"}),
        (f"GET /b/k?{DISPOSITION}=a%0D%0Ab", 400, "InvalidArgument", {"ArgumentName": DISPOSITION}),
        (
            f"GET /b/k?{DISPOSITION}=%E2%82%AC",
            400,
            "InvalidArgument",
            {"ArgumentName": DISPOSITION, "ArgumentValue": "€"},
        ),
    ],
)
def test_s3(line: str, status: int, code: str, extra: dict[str, str]) -> None:
    method, target = line.split(" ")
    error = refusal(S3, s3(method, target))
    assert (error.status, error.code, error.extra) == (status, code, extra)


@pytest.mark.parametrize(
    ("method", "header", "value"),
    [
        ("PUT", "x-amz-storage-class", "GLACIER"),
        ("PUT", "x-amz-unheard-of", "1"),
        ("PUT", "x-amz-checksum-crc99", "AA=="),
        ("PUT", "x-amz-checksum-type", "COMPOSITE"),
        ("GET", "x-amz-copy-source", "b/k"),
        ("GET", "x-amz-server-side-encryption-customer-algorithm", "AES256"),
    ],
)
def test_s3_headers_that_change_the_meaning(method: str, header: str, value: str) -> None:
    error = refusal(S3, s3(method, "/b/k", {header: value}))
    assert (error.status, error.code, error.extra) == (501, "NotImplemented", {"Header": header})
    # Of an error's elements the AWS CLI shows code and message alone.
    assert error.message.endswith(f"not implemented: {header}")


@pytest.mark.parametrize(
    ("operation", "target"), [("CopyObject", "/b/k"), ("UploadPartCopy", "/b/k?partNumber=1&uploadId=u")]
)
def test_s3_copies_take_no_range(operation: str, target: str) -> None:
    request = s3("PUT", target, {"x-amz-copy-source": "b/source", "range": "bytes=0-1"})
    with pytest.raises(AwsError) as caught:
        S3.operations[operation].parse(request, b"")
    error = caught.value
    assert (error.status, error.code) == (400, "InvalidArgument")
    assert error.extra == {"ArgumentName": "Range", "ArgumentValue": "bytes=0-1"}


@pytest.mark.parametrize(
    ("header", "value"), [("x-amz-checksum-type", "FULL_OBJECT"), ("x-amz-checksum-xxhash128", "AA==")]
)
def test_s3_headers_that_say_what_holds_anyway(header: str, value: str) -> None:
    assert S3.operations["PutObject"].parse(s3("PUT", "/b/k", {header: value}), b"")["Key"] == "k"


@pytest.mark.parametrize(
    ("operation", "header", "member", "value"),
    [
        ("GetObject", "x-amz-checksum-mode", "ChecksumMode", "ENABLED"),
        ("HeadObject", "x-amz-checksum-mode", "ChecksumMode", "ENABLED"),
        ("PutObject", "x-amz-sdk-checksum-algorithm", "ChecksumAlgorithm", "CRC64NVME"),
        ("CreateMultipartUpload", "x-amz-checksum-algorithm", "ChecksumAlgorithm", "CRC32C"),
    ],
)
def test_s3_words_about_checksums_are_read_in_any_case(operation: str, header: str, member: str, value: str) -> None:
    """The AWS SDK for C++ sends them in lower case."""
    for text in (value, value.lower()):
        assert S3.operations[operation].parse(s3("GET", "/b/k", {header: text}), b"")[member] == value
    with pytest.raises(AwsError):
        S3.operations[operation].parse(s3("GET", "/b/k", {header: f"{value}x"}), b"")


def test_s3_names_the_header_that_is_missing() -> None:
    with pytest.raises(AwsError, match="Missing required header for this request: x-amz-object-attributes"):
        S3.operations["GetObjectAttributes"].parse(s3("GET", "/b/k?attributes"), b"")


@pytest.mark.parametrize(
    ("text", "found"),
    [("ETag, ObjectSize", ["ETag", "ObjectSize"]), ('"ETag",Checksum', ["ETag", "Checksum"])],
)
def test_s3_lists_in_headers(text: str, found: list[str]) -> None:
    request = s3("GET", "/b/k?attributes", {"x-amz-object-attributes": text})
    assert S3.operations["GetObjectAttributes"].parse(request, b"")["ObjectAttributes"] == found


@pytest.mark.parametrize("text", ["Size", '"ETag', "ETag,,"])
def test_s3_lists_in_headers_that_are_none(text: str) -> None:
    request = s3("GET", "/b/k?attributes", {"x-amz-object-attributes": text})
    with pytest.raises(AwsError) as caught:
        S3.operations["GetObjectAttributes"].parse(request, b"")
    assert caught.value.code in ("InvalidArgument", "InvalidRequest")


def test_s3_storage_classes() -> None:
    error = refusal(S3, s3("PUT", "/b/k", {"x-amz-storage-class": "COLD"}))
    assert (error.status, error.code) == (400, "InvalidStorageClass")


def test_s3_documents_are_supported_by_member() -> None:
    body = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    error = refusal(S3, s3("PUT", "/b?tagging"), body)
    assert (error.status, error.extra) == (501, {"Header": "Tagging.TagSet.Value"})


def test_s3_takes_what_means_nothing_to_it() -> None:
    headers = {
        "x-amz-date": "20260101T000000Z",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": "5",
        "x-amz-trailer": "x-amz-checksum-crc32",
        "x-amz-sdk-checksum-algorithm": "CRC32",
        "x-amz-checksum-crc64nvme": "AAAAAAAAAAA=",
        "x-amz-request-payer": "requester",
        "amz-sdk-request": "attempt=1",
        "x-amzn-trace-id": "Root=1",
        "content-length": "99",
        "content-encoding": "aws-chunked",
        "content-type": "text/plain",
        "expires": "never",
        "x-amz-meta-one": "=?UTF-8?Q?H=C3=A9llo?=",
        "x-amz-meta-two": "=?UTF-8?Q?a=0Ab?=",
    }
    request = s3("PUT", "/b/k?x-id=PutObject&X-Amz-Meta-Three=3&X-Amz-Expires=5", headers)
    params = identified(S3, request).parse(request, b"")
    assert "ContentLength" not in params  # the reader of the body checks it
    assert "ContentEncoding" not in params
    assert params["Expires"] == "never"
    assert params["Metadata"] == {"one": "Héllo", "two": "=?UTF-8?Q?a=0Ab?=", "three": "3"}
    error = refusal(S3, request)
    assert error.extra == {"Header": "Expires"}  # all the rest was fine


def test_s3_ignores_dates_that_are_none() -> None:
    request = s3("GET", "/b/k", {"if-modified-since": "yesterday", "range": "bytes=0-"})
    assert S3.parse(identified(S3, request), request, b"") == {"Bucket": "b", "Key": "k", "Range": "bytes=0-"}
