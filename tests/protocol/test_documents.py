"""Untrusted XML: no DTD, no entities, nothing invalid is accepted."""

import pytest

from shim.errors import AwsError
from shim.protocol.service import Service
from shim.protocol.xml.read import MalformedError, parse
from tests.protocol.requests import s3

SERVICE = Service("s3")
NS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'

BOMB = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
ATTACKS = {
    "doctype": "<!DOCTYPE Delete><Delete/>",
    "doctype by system": '<!DOCTYPE Delete SYSTEM "http://127.0.0.1:1/x.dtd"><Delete/>',
    "internal entity": '<!DOCTYPE d [<!ENTITY x "y">]><Delete><Object><Key>&x;</Key></Object></Delete>',
    "external entity": '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]><Delete><Object><Key>&x;</Key></Object></Delete>',
    "parameter entity": '<!DOCTYPE d [<!ENTITY % x SYSTEM "file:///etc/hostname"> %x;]><Delete/>',
    "billion laughs": f'<!DOCTYPE d [<!ENTITY l0 "lol">{BOMB}]><Delete><Object><Key>&l9;</Key></Object></Delete>',
    "undeclared entity": "<Delete><Object><Key>&x;</Key></Object></Delete>",
    "too deep": "<Delete>" * 5000 + "</Delete>" * 5000,
    "control character": "<Delete><Object><Key>&#1;</Key></Object></Delete>",
    "unbound prefix": "<x:Delete/>",
    "unknown encoding": '<?xml version="1.0" encoding="ebcdic-1"?><Delete/>',
    "not XML": "hello",
    "unclosed": "<Delete>",
    "two roots": "<Delete/><Delete/>",
    "blank": " ",
    "null": "\0",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_are_malformed(name: str) -> None:
    with pytest.raises(MalformedError):
        parse(ATTACKS[name].encode())
    refused("DeleteObjects", "POST", "/b?delete", ATTACKS[name])


VERSIONING = "<VersioningConfiguration><Status>On</Status></VersioningConfiguration>"
PART = "<CompleteMultipartUpload><Part><PartNumber>x</PartNumber></Part></CompleteMultipartUpload>"


@pytest.mark.parametrize(
    ("operation", "method", "target", "body"),
    [
        ("DeleteObjects", "POST", "/b?delete", "<Wrong/>"),
        ("DeleteObjects", "POST", "/b?delete", "<Delete/>"),  # Objects are required
        ("DeleteObjects", "POST", "/b?delete", "<Delete><Object/></Delete>"),  # so is their Key
        ("DeleteObjects", "POST", "/b?delete", "<Delete><Object><Key></Key></Object></Delete>"),
        ("DeleteObjects", "POST", "/b?delete", "<Delete>text<Object><Key>a</Key></Object></Delete>"),
        ("DeleteObjects", "POST", "/b?delete", "<Delete><Object><Key>a<b/></Key></Object></Delete>"),
        ("DeleteObjects", "POST", "/b?delete", "<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>"),
        ("DeleteObjects", "POST", "/b?delete", "<Delete><Object><Key>a</Key></Object><Quiet>yes</Quiet></Delete>"),
        ("DeleteObjects", "POST", "/b?delete", "<Delete><Object><Key>a</Key><Odd>b</Odd></Object></Delete>"),
        ("PutBucketVersioning", "PUT", "/b?versioning", VERSIONING),
        ("CompleteMultipartUpload", "POST", "/b/k?uploadId=u", PART),
    ],
)
def test_what_does_not_validate(operation: str, method: str, target: str, body: str) -> None:
    refused(operation, method, target, body)


def refused(operation: str, method: str, target: str, body: str) -> None:
    with pytest.raises(AwsError) as caught:
        SERVICE.operations[operation].parse(s3(method, target), body.encode())
    assert (caught.value.status, caught.value.code) == (400, "MalformedXML")


@pytest.mark.parametrize("xmlns", ["", f" {NS}", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01"'])
def test_the_namespace_is_optional(xmlns: str) -> None:
    body = f"<Delete{xmlns}><Object><Key> a &lt;b </Key></Object>\n<Quiet> true </Quiet></Delete>"
    found = SERVICE.operations["DeleteObjects"].parse(s3("POST", "/b?delete"), body.encode())
    assert found == {"Bucket": "b", "Delete": {"Objects": [{"Key": " a <b "}], "Quiet": True}}


def test_other_encodings_are_read() -> None:
    body = '<?xml version="1.0" encoding="utf-16"?><Tagging><TagSet><Tag>'
    body += "<Key>é</Key><Value>😹</Value></Tag></TagSet></Tagging>"
    found = SERVICE.operations["PutBucketTagging"].parse(s3("PUT", "/b?tagging"), body.encode("utf-16"))
    assert found["Tagging"] == {"TagSet": [{"Key": "é", "Value": "😹"}]}


def test_a_document_may_be_missing_or_not() -> None:
    assert SERVICE.operations["CreateBucket"].parse(s3("PUT", "/b"), b"") == {"Bucket": "b"}
    with pytest.raises(AwsError) as caught:
        SERVICE.operations["DeleteObjects"].parse(s3("POST", "/b?delete"), b"")
    assert caught.value.code == "MissingRequestBodyError"


def test_a_grantee_needs_its_type() -> None:
    grant = "<Grant><Grantee><ID>2</ID></Grantee><Permission>READ</Permission></Grant>"
    body = f"<AccessControlPolicy><AccessControlList>{grant}</AccessControlList></AccessControlPolicy>"
    refused("PutBucketAcl", "PUT", "/b?acl", body)


def test_a_grantee_keeps_its_type() -> None:
    body = (
        "<AccessControlPolicy><Owner><ID>1</ID></Owner><AccessControlList><Grant><Grantee "
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>2</ID></Grantee>'
        "<Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>"
    )
    found = SERVICE.operations["PutBucketAcl"].parse(s3("PUT", "/b?acl"), body.encode())
    assert found["AccessControlPolicy"]["Grants"] == [
        {"Grantee": {"Type": "CanonicalUser", "ID": "2"}, "Permission": "READ"}
    ]
