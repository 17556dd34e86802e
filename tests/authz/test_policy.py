"""Which documents are policies, AWS's words about those that are not, and what is public."""

import json
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.app import FRONTENDS
from shim.authz import names
from shim.authz.policy import MOST_BYTES, parsed
from shim.authz.public import is_public
from shim.authz.s3_actions import ON_BUCKETS, ON_OBJECTS
from shim.errors import AwsError
from tests.authz.documents import BUCKET, policies
from tests.security.stranger import work_of


def statement(**elements: Any) -> Any:
    """Return a valid statement with other elements; None removes one."""
    told = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bkt/*", **elements}
    return {name: value for name, value in told.items() if value is not None}


def document(*statements: Any, **members: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **members})


def refusal(text: str) -> str:
    with pytest.raises(AwsError) as caught:
        parsed(text, BUCKET)
    assert (caught.value.code, caught.value.status) == ("MalformedPolicy", 400)
    return caught.value.message


NOT_JSON = "Policies must be valid JSON and the first byte must be '{'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", NOT_JSON),
        ("[]", NOT_JSON),
        (" {}", NOT_JSON),
        ("true", NOT_JSON),
        ('{"Version":', "This policy contains invalid Json"),
        ('{"Version": NaN}', "This policy contains invalid Json"),
        ('{"Version":"2012-10-17","Version":"2012-10-17"}', "This policy contains invalid Json"),
        ('{"a":{"b":1,"b":1}}', "This policy contains invalid Json"),
        ('{"Version":"\udc80"}', "This policy contains invalid Json"),
        ('{"a":' + "[" * 9000 + "]" * 9000 + "}", NOT_JSON),
        ("{}", "Missing required field Statement"),
        (document(), "Could not parse the policy: Statement is empty!"),
        (document(statement(), Version="2012-10-18"), "The policy must contain a valid version string"),
        (document(statement(), Id=1), "Invalid policy syntax."),
        (document(statement(), More=1), "Unknown field More"),
        (document("Allow"), "Invalid policy syntax."),
        (document(statement(Effect=None)), "Missing required field Effect"),
        (document(statement(Effect="allow")), "Invalid effect: allow"),
        (document(statement(Principal=None)), "Missing required field Principal"),
        (document(statement(Action=None)), "Missing required field Action"),
        (document(statement(Action=[])), "Missing required field Action"),
        (document(statement(Resource=None)), "Missing required field Resource"),
        (document(statement(Sid=1)), "Invalid policy syntax."),
        (document(statement(Sid="a"), statement(Sid="a")), "Statement IDs (SID) in a single policy must be unique."),
        (document(statement(NotAction="s3:*")), "Invalid policy syntax."),
        (document(statement(More=1)), "Unknown field More"),
        (document(statement(Action=1)), "Invalid policy syntax."),
        (document(statement(Action="s3:Coffee")), "Policy has invalid action"),
        (document(statement(Action="ec2:RunInstances")), "Policy has invalid action"),
        (document(statement(Action="s3:Cof*")), "Policy has invalid action"),
        (document(statement(Action="s3:ListAllMyBuckets")), "Policy has invalid action"),
        (document(statement(Resource="*")), "Policy has invalid resource"),
        (document(statement(Resource="arn:aws:s3:::other/*")), "Policy has invalid resource"),
        (document(statement(Resource="arn:aws:s3:::bkt2*")), "Policy has invalid resource"),
        (document(statement(Resource="arn:aws:ec2:::bkt/*")), "Policy has invalid resource"),
        (document(statement(Resource="arn:aws:s3:::bkt")), "Action does not apply to any resource(s) in statement"),
        (document(statement(Action=["s3:GetObject", "s3:ListBucket"])),
         "Action does not apply to any resource(s) in statement"),
        (document(statement(Principal={"AWS": "alice"})), "Invalid principal in policy"),
        (document(statement(Principal={"AWS": []})), "Invalid principal in policy"),
        (document(statement(Principal={})), "Invalid principal in policy"),
        (document(statement(Principal=["*"])), "Invalid principal in policy"),
        (document(statement(Principal={"Nobody": "*"})), "Invalid principal in policy"),
        (document(statement(Principal={"AWS": "arn:aws:iam::111122223333:user/*"})), "Invalid principal in policy"),
        (document(statement(Principal={"CanonicalUser": "*"})), "Invalid principal in policy"),
        (document(statement(Principal=None, NotPrincipal="*")), "Allow with NotPrincipal is not allowed."),
        (document(statement(Condition=[])), "Invalid policy syntax."),
        (document(statement(Condition={"Bool": "x"})), "Invalid policy syntax."),
        (document(statement(Condition={"Bool": {"aws:SecureTransport": {}}})), "Invalid policy syntax."),
        (document(statement(Condition={"Bool": {"aws:Coffee": "true"}})), "Policy has an invalid condition key"),
        (document(statement(Condition={"Bool": {"s3:ExistingObjectTag/": "true"}})),
         "Policy has an invalid condition key"),
        (document(statement(Condition={"Boolean": {"aws:SecureTransport": "true"}})),
         "Invalid Condition type : Boolean"),
        (document(statement(Condition={"ForAllValues:Null": {"s3:prefix": "true"}})),
         "Invalid Condition type : ForAllValues:Null"),
        (document(statement(Condition={"Some:Bool": {"s3:prefix": "true"}})), "Invalid Condition type : Some:Bool"),
        (document(statement(Condition={"IpAddress": {"aws:SourceIp": "everywhere"}})),
         "Invalid IP address in Conditions"),
        (document(statement(Condition={"NumericEquals": {"s3:max-keys": "many"}})),
         "Invalid numeric value in Conditions"),
        (document(statement(Condition={"DateLessThan": {"aws:CurrentTime": "soon"}})),
         "Invalid date value in Conditions"),
        (document(statement(Condition={"Null": {"s3:prefix": "maybe"}})), "Invalid Null value in Conditions"),
        (document(statement(Resource="arn:aws:s3:::bkt/${coffee:name}")), "Invalid policy syntax."),
    ],
)  # fmt: skip
def test_a_document_that_is_no_policy(text: str, message: str) -> None:
    assert refusal(text) == message


def test_a_policy_has_up_to_20_kilobytes() -> None:
    room = MOST_BYTES - len(document(statement(Sid="")))
    assert parsed(document(statement(Sid="s" * room)), BUCKET).statements
    with pytest.raises(AwsError) as caught:
        parsed(document(statement(Sid="s" * (room + 1))), BUCKET)
    assert caught.value.code == "PolicyTooLarge"


def test_a_statement_has_no_more_wildcards_than_there_are_actions() -> None:
    some = [f"s3:{'*' * n}Get*" for n in range(1, 102)]
    assert parsed(document(statement(Action=some[:100])), BUCKET).statements
    assert "wildcards" in refusal(document(statement(Action=some)))


def test_brackets_within_texts_are_not_nested() -> None:
    assert parsed(document(statement(Sid="[" * 50 + '\\"' + "[" * 50)), BUCKET).statements


def test_every_action_that_the_gateway_asks_for_can_be_named() -> None:
    known = ON_OBJECTS | ON_BUCKETS
    without = {"ListBuckets", "ListDirectoryBuckets", "CreateSession", "WriteGetObjectResponse", "RenameObject"}
    for operation in FRONTENDS["s3"].service.handlers.keys() - without:
        assert names.action("s3", operation).lower() in known, operation


@given(policies(), st.data())
def test_a_damaged_document_is_refused_and_breaks_nothing(told: Any, data: Any) -> None:
    text = json.dumps(told)
    place = data.draw(st.integers(0, len(text)))
    damaged = text[:place] + data.draw(st.text(max_size=3)) + text[place + data.draw(st.integers(0, 3)) :]
    with suppress(AwsError):
        parsed(damaged, BUCKET)


def test_a_hostile_document_costs_no_more_than_its_size() -> None:
    stars = document(statement(Resource=["arn:aws:s3:::bkt/" + "*a" * 40 + "b"] * 150))
    actions = document(statement(Action=[f"s3:{'*' * n}g*e*t*" for n in range(1, 100)]))
    for hostile in (stars, actions):
        assert len(hostile) <= MOST_BYTES
        assert work_of(partial(parsed, hostile, BUCKET)) < 100  # plain calls, in a thread of its own


FIXED = {"AWS": "arn:aws:iam::111122223333:root"}


@pytest.mark.parametrize(
    ("told", "public"),
    [
        ([statement()], True),
        ([statement(Principal={"AWS": "*"})], True),
        ([statement(Principal=FIXED)], False),
        ([statement(Principal={"Service": "logging.s3.amazonaws.com"})], False),
        ([statement(Principal=FIXED), statement()], True),
        ([statement(Effect="Deny")], False),
        ([statement(Effect="Deny", Principal=None, NotPrincipal=FIXED)], False),
        ([statement(), statement(Effect="Deny")], True),
        ([statement(Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})], False),
        ([statement(Condition={"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "0.0.0.0/0"]}})], True),
        ([statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})], False),
        ([statement(Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/7"}})], True),
        ([statement(Condition={"IpAddress": {"aws:SourceIp": "2001:db8::/32"}})], False),
        ([statement(Condition={"IpAddress": {"aws:SourceIp": "2000::/3"}})], True),
        ([statement(Condition={"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}})], True),
        ([statement(Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}})], False),
        ([statement(Condition={"StringLike": {"aws:SourceVpc": "vpc-*"}})], True),
        ([statement(Condition={"StringEquals": {"aws:SourceVpc": "${aws:username}"}})], True),
        ([statement(Condition={"StringEqualsIfExists": {"aws:SourceVpc": "vpc-1"}})], True),
        ([statement(Condition={"ForAllValues:StringEquals": {"aws:SourceVpc": "vpc-1"}})], True),
        ([statement(Condition={"ForAnyValue:StringEquals": {"aws:SourceVpc": "vpc-1"}})], False),
        ([statement(Condition={"StringNotEquals": {"aws:SourceVpc": "vpc-1"}})], True),
        ([statement(Condition={"StringEquals": {"aws:Referer": "https://example.org/"}})], True),
        ([statement(Condition={"Bool": {"aws:SecureTransport": "true"}})], True),
    ],
)
def test_what_is_public(told: list[Any], public: bool) -> None:
    assert is_public(parsed(document(*told), BUCKET)) is public
