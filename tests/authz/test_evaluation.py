"""Policies are evaluated as AWS documents it: compared with a literal reference over generated documents."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shim.authz.evaluation import Asked, Effect, could_allow, evaluate
from shim.authz.policy import parsed
from shim.authz.principals import Who
from shim.errors import AwsError
from tests.authz import reference
from tests.authz.documents import ACTIONS, BUCKET, RESOURCES, SENDERS, contexts, policies, statements

senders = st.sampled_from(SENDERS)
actions = st.sampled_from(ACTIONS)
resources = st.sampled_from(RESOURCES)


def asked(who: tuple[str, str, str], action: str, resource: str, context: dict[str, list[str]]) -> Asked:
    return Asked(Who(*who), action, resource, {key: tuple(values) for key, values in context.items()})


def effect_of(document: Any, *request: Any) -> str:
    return evaluate(parsed(json.dumps(document), BUCKET), asked(*request)).effect.value


def valid(document: Any) -> bool:
    try:
        parsed(json.dumps(document), BUCKET)
    except AwsError:
        return False
    return True


@settings(max_examples=250)
@given(policies().filter(valid), senders, actions, resources, contexts())
def test_a_policy_has_the_effect_that_the_reference_finds(
    document: Any, who: Any, action: str, resource: str, context: Any
) -> None:
    told = reference.evaluated(document, who, action, resource, context)
    assert effect_of(document, who, action, resource, context) == told


@settings(max_examples=60)
@given(policies().filter(valid), senders, actions, resources, contexts())
def test_one_added_deny_keeps_out_whom_it_names(
    document: Any, who: Any, action: str, resource: str, context: Any
) -> None:
    account, canonical, arn = who
    principals = [{"AWS": "*"}, *([{"AWS": account}, {"AWS": arn}, {"CanonicalUser": canonical}] if account else [])]
    for principal in principals:
        deny = {"Effect": "Deny", "Principal": principal, "Action": action, "Resource": "arn:aws:s3:::bkt*"}
        denied = {**document, "Statement": [*document["Statement"], deny]}
        assert effect_of(denied, who, action, resource, context) == "deny"


@settings(max_examples=60)
@given(policies().filter(valid), statements("Deny"), senders, actions, resources, contexts())
def test_a_deny_never_lets_anybody_in(
    document: Any, deny: Any, who: Any, action: str, resource: str, context: Any
) -> None:
    denied = {**document, "Statement": [*document["Statement"], deny]}
    if valid(denied) and effect_of(denied, who, action, resource, context) == "allow":
        assert effect_of(document, who, action, resource, context) == "allow"


@settings(max_examples=60)
@given(policies().filter(valid), senders, actions, resources, contexts())
def test_what_is_allowed_could_be_allowed(document: Any, who: Any, action: str, resource: str, context: Any) -> None:
    if effect_of(document, who, action, resource, context) == "allow":
        assert could_allow(parsed(json.dumps(document), BUCKET), Who(*who), action)


ANN = ("111122223333", "canon1", "arn:aws:iam::111122223333:user/ann")


def one(effect: str, **elements: Any) -> Any:
    told = {"Effect": effect, "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bkt/*"}
    return {"Version": "2012-10-17", "Statement": [{**told, **elements}]}


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_a_key_that_the_gateway_cannot_know_counts_against_the_request(effect: str) -> None:
    document = one(effect, Condition={"StringEquals": {"s3:ExistingObjectTag/Env": "test"}})
    policy = parsed(json.dumps(document), BUCKET)
    known = Asked(Who(*ANN), "s3:GetObject", "arn:aws:s3:::bkt/a", {"s3:existingobjecttag/Env": ("test",)})
    assert evaluate(policy, known).effect is (Effect.ALLOW if effect == "Allow" else Effect.DENY)
    unknown = known._replace(context={"s3:existingobjecttag/Env": None})
    verdict = evaluate(policy, unknown)
    assert verdict.effect is (Effect.NEITHER if effect == "Allow" else Effect.DENY)
    if effect == "Deny":
        assert "does not know the condition key s3:ExistingObjectTag/Env" in verdict.reason
    # Tags are told apart by case.
    other = known._replace(context={"s3:existingobjecttag/env": ("test",)})
    assert evaluate(policy, other).effect is Effect.NEITHER


def test_a_condition_that_is_surely_unmet_beside_an_unknown_one_keeps_a_deny_from_applying() -> None:
    condition = {"StringEquals": {"s3:ExistingObjectTag/Env": "test"}, "Bool": {"aws:SecureTransport": "false"}}
    policy = parsed(json.dumps(one("Deny", Condition=condition)), BUCKET)
    context = {"s3:existingobjecttag/Env": None, "aws:securetransport": ("true",)}
    assert evaluate(policy, Asked(Who(*ANN), "s3:GetObject", "arn:aws:s3:::bkt/a", context)).effect is Effect.NEITHER


@pytest.mark.parametrize(
    "elements",
    [
        {"Condition": {"StringEquals": {"aws:username": "${s3:ExistingObjectTag/blocked}"}}},
        {"Condition": {"StringNotEquals": {"aws:username": ["x", "${s3:ExistingObjectTag/blocked, 'x'}"]}}},
        {"Condition": {"ForAnyValue:StringLike": {"aws:username": "${s3:ExistingObjectTag/blocked}*"}}},
        {"Resource": "arn:aws:s3:::bkt/${s3:ExistingObjectTag/blocked}/*"},
    ],
)
def test_a_variable_that_the_gateway_cannot_know_counts_against_the_request(elements: Any) -> None:
    request = Asked(Who(*ANN), "s3:GetObject", "arn:aws:s3:::bkt/ann/k", {"aws:username": ("ann",)})
    unknown = request._replace(context={**request.context, "s3:existingobjecttag/blocked": None})
    assert evaluate(parsed(json.dumps(one("Deny", **elements)), BUCKET), unknown).effect is Effect.DENY
    assert evaluate(parsed(json.dumps(one("Allow", **elements)), BUCKET), unknown).effect is Effect.NEITHER


def test_a_variable_that_cannot_be_known_matters_only_to_a_condition_on_a_key_with_a_value() -> None:
    condition = {"StringEquals": {"aws:username": "${s3:ExistingObjectTag/blocked}"}}
    policy = parsed(json.dumps(one("Deny", Condition=condition)), BUCKET)
    context = {"s3:existingobjecttag/blocked": None}
    assert evaluate(policy, Asked(Who("", "", ""), "s3:GetObject", "arn:aws:s3:::bkt/k", context)).effect is (
        Effect.NEITHER
    )


def test_the_value_of_a_variable_is_no_wildcard() -> None:
    policy = parsed(json.dumps(one("Allow", Resource="arn:aws:s3:::bkt/${aws:username}/*")), BUCKET)
    star = {"aws:username": ("*",)}
    assert evaluate(policy, Asked(Who(*ANN), "s3:GetObject", "arn:aws:s3:::bkt/x/k", star)).effect is Effect.NEITHER
    assert evaluate(policy, Asked(Who(*ANN), "s3:GetObject", "arn:aws:s3:::bkt/*/k", star)).effect is Effect.ALLOW


def test_a_policy_of_2008_has_no_variables() -> None:
    document = one("Allow", Resource="arn:aws:s3:::bkt/${aws:username}") | {"Version": "2008-10-17"}
    policy = parsed(json.dumps(document), BUCKET)
    context = {"aws:username": ("ann",)}
    assert evaluate(policy, Asked(Who(*ANN), "s3:GetObject", "arn:aws:s3:::bkt/ann", context)).effect is Effect.NEITHER
    literally = Asked(Who(*ANN), "s3:GetObject", "arn:aws:s3:::bkt/${aws:username}", context)
    assert evaluate(policy, literally).effect is Effect.ALLOW


@pytest.mark.parametrize(
    ("condition", "context", "met"),
    [
        ({"BinaryEquals": {"s3:prefix": "YQ=="}}, {"s3:prefix": ("YQ==",)}, True),
        ({"BinaryEquals": {"s3:prefix": "YQ=="}}, {"s3:prefix": ("Yg==",)}, False),
        ({"NumericEquals": {"s3:max-keys": 10}}, {"s3:max-keys": ("10.0",)}, True),
        ({"NumericLessThan": {"s3:max-keys": "10"}}, {"s3:max-keys": ("ten",)}, False),
        ({"NumericNotEquals": {"s3:max-keys": "10"}}, {"s3:max-keys": ("ten",)}, True),
        ({"Bool": {"aws:SecureTransport": True}}, {"aws:securetransport": ("true",)}, True),
        ({"Bool": {"AWS:SECURETRANSPORT": "TRUE"}}, {"aws:securetransport": ("true",)}, True),
        ({"IpAddress": {"aws:SourceIp": "192.0.2.1"}}, {"aws:sourceip": ("192.0.2.1",)}, True),
        ({"IpAddress": {"aws:SourceIp": "192.0.2.1"}}, {"aws:sourceip": ("",)}, False),
        ({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, {"aws:sourceip": ("",)}, True),
        ({"DateLessThan": {"aws:EpochTime": "2026-01-01"}}, {"aws:epochtime": ("1700000000",)}, True),
        ({"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00+02:00"}},
         {"aws:currenttime": ("2025-12-31T23:00:00Z",)}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*"}}, {"aws:principalarn": (ANN[2],)}, False),
        ({"StringEquals": {"aws:SourceVpc": "vpc-1"}}, {}, False),
        ({"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}, {}, True),
    ],
)  # fmt: skip
def test_conditions(condition: Any, context: Any, met: bool) -> None:
    policy = parsed(json.dumps(one("Deny", Condition=condition)), BUCKET)
    verdict = evaluate(policy, Asked(Who(*ANN), "s3:GetObject", "arn:aws:s3:::bkt/a", context))
    assert verdict.effect is (Effect.DENY if met else Effect.NEITHER)
