"""A slow and literal evaluation of policies, written from AWS's documentation alone and sharing nothing with ours.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from datetime import UTC, datetime
from fractions import Fraction
from ipaddress import ip_address, ip_network
from typing import Any

Context = dict[str, list[str]]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def substituted(text: str, context: Context) -> str | None:
    """Return a regular expression for a text with wildcards, its variables replaced; None without a value."""
    written, place = "", 0
    for found in re.finditer(r"\$\{([^}]*)\}", text):
        written += wild(text[place : found.start()])
        place = found.end()
        if found[1] in ("*", "?", "$"):
            written += re.escape(found[1])
            continue
        name, _, default = found[1].partition(",")
        values = context.get(name.strip(), [])
        if values:
            written += re.escape(values[0])
        elif default:
            written += re.escape(default.strip()[1:-1])
        else:
            return None
    return written + wild(text[place:])


def wild(text: str) -> str:
    return "".join(".*" if one == "*" else "." if one == "?" else re.escape(one) for one in text)


def like(pattern: str, text: str, context: Context) -> bool:
    written = substituted(pattern, context)
    return written is not None and re.fullmatch(written, text, re.DOTALL) is not None


def equal(pattern: str, text: str, context: Context) -> bool:
    """Compare without wildcards, which are ordinary characters of StringEquals."""
    escaped = re.sub(r"(?<!\{)[*?](?!\})", lambda found: f"${{{found[0]}}}", pattern)
    return like(escaped, text, context)


def same_arn(pattern: str, text: str, context: Context) -> bool:
    wanted, told = pattern.split(":", 5), text.split(":", 5)
    return len(wanted) == len(told) and all(like(one, other, context) for one, other in zip(wanted, told, strict=True))


def number(text: str) -> Fraction:
    return Fraction(text)


def time(text: str) -> datetime:
    if re.fullmatch("[0-9]+", text):
        return datetime.fromtimestamp(int(text), UTC)
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def compared(operator: str, wanted: str, told: str, context: Context) -> bool:
    """Compare one value of the policy with one of the request by a positive operator."""
    match operator:
        case "StringEquals":
            return equal(wanted, told, context)
        case "StringEqualsIgnoreCase":
            return equal(wanted.lower(), told.lower(), context)
        case "StringLike":
            return like(wanted, told, context)
        case "ArnEquals" | "ArnLike":
            return same_arn(wanted, told, context)
        case "Bool" | "BinaryEquals":
            return wanted == told
        case "IpAddress":
            return ip_address(told) in ip_network(wanted)
    return ordered(operator, wanted, told)


def ordered(operator: str, wanted: str, told: str) -> bool:
    """Compare numbers or times."""
    read: Any = number if operator.startswith("Numeric") else time
    first, second = read(told), read(wanted)
    match re.sub("^(Numeric|Date)", "", operator):
        case "Equals":
            return bool(first == second)
        case "LessThan":
            return bool(first < second)
        case "LessThanEquals":
            return bool(first <= second)
        case "GreaterThan":
            return bool(first > second)
        case "GreaterThanEquals":
            return bool(first >= second)
    raise AssertionError(operator)


def holds(name: str, key: str, wanted: list[str], context: Context) -> bool:
    """Evaluate one operator on one key, by the tables of AWS's pages on operators and on sets."""
    told = context.get(key, [])
    several = ""
    if ":" in name:
        several, name = name.split(":")
    if name == "Null":
        return ("true" in wanted and not told) or ("false" in wanted and bool(told))
    if name.endswith("IfExists"):
        if not told:
            return True
        name = name[: -len("IfExists")]
    negated = "Not" in name
    positive = name.replace("Not", "")

    def one(value: str) -> bool:
        return any(compared(positive, each, value, context) for each in wanted)

    if several == "ForAllValues":
        return all(not one(value) if negated else one(value) for value in told)
    if several == "ForAnyValue":
        return any(not one(value) if negated else one(value) for value in told)
    if not told:
        return negated
    return not any(one(value) for value in told) if negated else any(one(value) for value in told)


def is_named(principal: Any, account: str, canonical: str, arn: str) -> bool:
    if principal == "*":
        return True
    for sort, names in principal.items():
        for name in listed(names):
            if sort == "AWS" and name == "*":
                return True
            if sort == "AWS" and account and name in (account, f"arn:aws:iam::{account}:root", arn):
                return True
            if sort == "CanonicalUser" and canonical and name == canonical:
                return True
    return False


def applies(statement: Any, who: tuple[str, str, str], action: str, resource: str, context: Context) -> bool:
    if is_named(statement.get("Principal") or statement["NotPrincipal"], *who) is not ("Principal" in statement):
        return False
    actions = listed(statement.get("Action") or statement["NotAction"])
    if any(like(one.lower(), action.lower(), {}) for one in actions) is not ("Action" in statement):
        return False
    texts = listed(statement["Resource"] if "Resource" in statement else statement["NotResource"])
    if statement["Effect"] == "Allow" and any(substituted(one, context) is None for one in texts):
        return False
    if any(like(one, resource, context) for one in texts) is not ("Resource" in statement):
        return False
    for name, block in statement.get("Condition", {}).items():
        for key, wanted in block.items():
            values = [str(one) for one in listed(wanted)]
            if statement["Effect"] == "Allow" and any(substituted(one, context) is None for one in values):
                return False
            if not holds(name, key, values, context):
                return False
    return True


def evaluated(document: Any, who: tuple[str, str, str], action: str, resource: str, context: Context) -> str:
    """Return `deny`, `allow` or `neither`."""
    effects = {one["Effect"] for one in listed(document["Statement"]) if applies(one, who, action, resource, context)}
    return "deny" if "Deny" in effects else "allow" if "Allow" in effects else "neither"
