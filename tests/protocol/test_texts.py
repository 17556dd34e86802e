"""Texts in requests: what no answer could give back is refused, and metadata is decoded as AWS decodes it."""

import pytest

from shim.errors import AwsError
from shim.protocol.service import Service
from tests.protocol.requests import raw_form, s3

EC2, S3 = Service("ec2"), Service("s3")


@pytest.mark.parametrize(
    ("operation", "parameters", "name"),
    [
        ("CreateTags", "ResourceId.1=i-1&Tag.1.Key=a&Tag.1.Value=a%01b", "Tag.1.Value"),
        ("CreateTags", "ResourceId.1=i-1&Tag.1.Key=%EF%BF%BF&Tag.1.Value=b", "Tag.1.Key"),
        ("CreateKeyPair", "KeyName=%0B", "KeyName"),
        ("CreateSecurityGroup", "GroupName=g&GroupDescription=a%0Cb", "GroupDescription"),
    ],
)
def test_no_text_is_taken_that_xml_cannot_give_back(operation: str, parameters: str, name: str) -> None:
    with pytest.raises(AwsError) as caught:
        EC2.operations[operation].parse(raw_form(f"Action={operation}&{parameters}"), b"")
    assert (caught.value.status, caught.value.code) == (400, "InvalidCharacter")
    assert caught.value.message == f"The parameter {name} holds a character that XML cannot carry."


def test_metadata_that_does_not_decode_stays() -> None:
    odd = ["=?klingon?B?AA==?=", "=?UTF-8?B?/w==?=", "a=?b", "é", "=?UTF-8?B?***?=", "=?UTF-8?Q?=zz?="]
    odd += ["=?UTF-7?Q?+2AA-?=", "=?punycode?Q?a-b?=", "=?us-ascii?Q?=E9?=", "=?UTF-8?B?QQ==?= =?x?B?QQ==?="]
    headers = {f"x-amz-meta-{number}": value for number, value in enumerate(odd)}
    found = S3.operations["PutObject"].parse(s3("PUT", "/b/k", headers), b"")
    assert list(found["Metadata"].values()) == odd


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("=?utf-8?q?H=C3=A9llo_you?=", "Héllo you"),
        ("=?ISO-8859-1?Q?H=E9?= =?UTF-8?B?w6k=?=", "Héé"),
        ("=?UTF-8?B?w6k?=", "é"),
        ("a =?US-ASCII?Q?b?= c", "a b c"),
        ("=?UTF-8?Q??=", ""),
        ("=?UTF-8?B?é?=", "=?UTF-8?B?é?="),
    ],
)
def test_metadata_is_decoded(text: str, found: str) -> None:
    request = s3("PUT", "/b/k", {"x-amz-meta-m": text})
    assert S3.operations["PutObject"].parse(request, b"")["Metadata"] == {"m": found}
