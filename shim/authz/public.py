"""Whether a bucket's policy is public, as GetBucketPolicyStatus says and the public access block asks.

"Amazon S3 evaluates a bucket policy by first assuming that it is public [...]. To be considered non-public, a bucket
policy must grant access only to fixed values (values that don't contain a wildcard or a policy variable)" of principals
or of some condition keys, and "a broad IP address range in aws:SourceIp [...] more than /8 for IPv4 and /32 for IPv6
(excluding RFC1918 private ranges)" is public.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from shim.authz.conditions import Condition
from shim.authz.policy import Policy, Statement

_FIXING: Final = frozenset(
    (
        "aws:principalarn",
        "aws:principalaccount",
        "aws:principalorgid",
        "aws:sourcearn",
        "aws:sourceaccount",
        "aws:sourceip",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    )
)
# Operators that leave only the values that they name.
_RESTRICTING: Final = frozenset(
    ("stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress")
)
_BROADEST: Final = {4: 8, 6: 32}  # bits
_PRIVATE: Final = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))  # RFC 1918


def is_public(policy: Policy) -> bool:
    """Tell whether a policy is public."""
    return any(one.allows and _is_public(one) for one in policy.statements)


def _is_public(statement: Statement) -> bool:
    everyone = statement.not_principals or statement.principals.everyone
    return everyone and not any(map(_fixes, statement.conditions))


def _fixes(condition: Condition) -> bool:
    """Tell whether a condition leaves fixed values only."""
    operator = condition.name.rpartition(":")[2].lower()
    if condition.key not in _FIXING or operator not in _RESTRICTING or condition.every:
        return False
    if any(one.literal is None for one in condition.values):
        return False
    return condition.key != "aws:sourceip" or all(_is_narrow(one.text) for one in condition.values)


def _is_narrow(text: str) -> bool:
    try:
        network: IPv4Network | IPv6Network = ip_network(text, strict=False)
    except ValueError:
        return False
    if isinstance(network, IPv4Network) and any(map(network.subnet_of, _PRIVATE)):
        return True
    return network.prefixlen >= _BROADEST[network.version]
