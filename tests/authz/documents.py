"""Hypothesis strategies for policies, senders and requests, made so that statements often apply."""

from typing import Any

from hypothesis import strategies as st

BUCKET = "bkt"
ACCOUNTS = ("111122223333", "444455556666")
USERS = ("ann", "bob")
SENDERS = [
    ("", "", ""),
    *((account, f"canon{account[0]}", f"arn:aws:iam::{account}:user/{name}") for account in ACCOUNTS for name in USERS),
]
ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:GetObjectAcl", "s3:ListBucket"]
RESOURCES = ["arn:aws:s3:::bkt", *(f"arn:aws:s3:::bkt/{key}" for key in ("a", "b", "a/b", "ann/x", "home/ann/*"))]

VALUES: dict[str, list[str]] = {
    "s3:prefix": ["", "a", "ann", "ann/x", "A", "home/*"],
    "s3:max-keys": ["0", "1", "10", "1000"],
    "aws:sourceip": ["10.1.2.3", "192.0.2.7", "2001:db8::1"],
    "aws:securetransport": ["true", "false"],
    "aws:currenttime": ["2026-01-01T00:00:00Z", "2026-06-01T12:00:00Z"],
    "aws:username": ["ann", "bob"],
    "aws:principalarn": [sender[2] for sender in SENDERS if sender[2]],
    "s3:requestobjecttagkeys": ["red", "green", "blue"],
    "s3:x-amz-acl": ["public-read", "private"],
}
# Values of a policy: those of requests, patterns and variables.
_TEXTS = ["*", "a*", "?", "ann*", "${aws:username}", "${aws:username}/*", "${aws:username, 'a'}", "${*}", "home/${*}"]
_COMPARISONS = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
_STRINGS = ["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike"]
_OPERATORS: dict[str, tuple[list[str], list[str]]] = {
    **dict.fromkeys(
        ("s3:prefix", "aws:username", "s3:requestobjecttagkeys", "s3:x-amz-acl"), ([*_STRINGS, "StringNotLike"], _TEXTS)
    ),
    "s3:max-keys": ([f"Numeric{one}" for one in _COMPARISONS], ["5", "1.0"]),
    "aws:sourceip": (["IpAddress", "NotIpAddress"], ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32", "0.0.0.0/0"]),
    "aws:securetransport": (["Bool", "StringEquals"], []),
    "aws:currenttime": ([f"Date{one}" for one in _COMPARISONS], ["2026-03-01T00:00:00Z", "1767225600"]),
    "aws:principalarn": (
        ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"],
        ["arn:aws:iam::111122223333:user/*", "arn:aws:iam::*:user/ann", "arn:aws:iam::?*:*/${aws:username}", "arn:*"],
    ),
}


def _some(values: Any) -> Any:
    """Return one value, or a list of up to three."""
    return st.one_of(values, st.lists(values, min_size=1, max_size=3))


@st.composite
def conditions(draw: Any) -> Any:
    """Draw the value of Condition."""
    found: dict[str, dict[str, Any]] = {}
    for key in draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=3, unique=True)):
        operators, more = _OPERATORS[key]
        name = draw(st.sampled_from([*operators, "Null"]))
        if name == "Null":
            found.setdefault(name, {})[key] = draw(st.sampled_from(["true", "false"]))
            continue
        name = draw(st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"])) + name
        name += draw(st.sampled_from(["", "", "IfExists"]))
        found.setdefault(name, {})[key] = draw(_some(st.sampled_from([*VALUES[key], *more])))
    return found


def _principals() -> Any:
    names = [*ACCOUNTS, *(f"arn:aws:iam::{one}:root" for one in ACCOUNTS), *(one[2] for one in SENDERS if one[2])]
    return st.one_of(
        st.just("*"),
        st.builds(lambda some: {"AWS": some}, _some(st.sampled_from([*names, "*"]))),
        st.builds(lambda some: {"AWS": some}, _some(st.sampled_from(names))),
        st.builds(lambda some: {"CanonicalUser": some}, _some(st.sampled_from(["canon1", "canon4"]))),
        st.just({"Service": "logging.s3.amazonaws.com"}),
    )


@st.composite
def statements(draw: Any, effect: str = "") -> Any:
    """Draw a valid statement."""
    effect = effect or draw(st.sampled_from(["Allow", "Allow", "Deny"]))
    actions = _some(st.sampled_from([*ACTIONS, "s3:*", "s3:Get*", "S3:get?bject", "s3:Put*", "*"]))
    resources = _some(
        st.sampled_from(
            [*RESOURCES[:3], "arn:aws:s3:::bkt*", "arn:aws:s3:::bkt/${aws:username}/*", "arn:aws:s3:::bkt/?",
             "arn:aws:s3:::bkt/home/${aws:username, 'bob'}/${*}", "arn:aws:s3:::*"]
        )
    )  # fmt: skip
    # The bucket itself beside, so that actions on buckets and on objects both have a resource.
    listed = draw(resources)
    place = [*(listed if isinstance(listed, list) else [listed]), "arn:aws:s3:::bkt*"][: draw(st.integers(2, 4))]
    found: dict[str, Any] = {"Effect": effect}
    found["NotPrincipal" if effect == "Deny" and draw(st.booleans()) else "Principal"] = draw(_principals())
    found["NotAction" if draw(st.integers(0, 4)) == 0 else "Action"] = draw(actions)
    found["NotResource" if draw(st.integers(0, 4)) == 0 else "Resource"] = place
    if draw(st.booleans()):
        found["Condition"] = draw(conditions())
    return found


def policies() -> Any:
    """Return valid documents."""
    return st.builds(
        lambda some: {"Version": "2012-10-17", "Statement": some}, st.lists(statements(), min_size=1, max_size=5)
    )


@st.composite
def contexts(draw: Any) -> dict[str, list[str]]:
    """Draw the keys of a request."""
    found = {}
    for key, values in VALUES.items():
        if draw(st.booleans()):
            many = key == "s3:requestobjecttagkeys"
            some = st.sampled_from(values)
            found[key] = draw(st.lists(some, min_size=1, max_size=3, unique=True)) if many else [draw(some)]
    return found
