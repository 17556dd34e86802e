"""A bucket's website configuration: what S3 accepts as one.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketWebsite.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from shim.errors import AwsError
from shim.protocol.restparse import malformed_xml
from shim.s3.errors import invalid_argument, invalid_request

NAME: Final = "website"  # the item of the bucket's configuration
_MOST_RULES: Final = 50  # "Amazon S3 has a limitation of 50 routing rules per website configuration"
_MOST_BYTES: Final = 128 << 10  # "The maximum request length is limited to 128 KB"
_PROTOCOLS: Final = ("http", "https")

_PROTOCOL: Final = (
    "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically."
)
_ALONE: Final = "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules."
_NO_INDEX: Final = "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty"
_NO_CONDITION: Final = (
    "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be "
    "present."
)


def check(value: Mapping[str, Any]) -> Any:
    """Return the configuration to store; raise AwsError for what S3 refuses."""
    given = {name: one for name, one in value.items() if one is not None}
    if "RedirectAllRequestsTo" in given:
        if len(given) > 1:
            raise invalid_argument(_ALONE, "RedirectAllRequestsTo", "not null")
        _check_all(given["RedirectAllRequestsTo"])
    else:
        _check_documents(given)
        if "RoutingRules" in given:
            _check_rules(given["RoutingRules"])
    if len(json.dumps(given, ensure_ascii=False).encode("utf-8", "replace")) > _MOST_BYTES:
        raise AwsError("MaxMessageLengthExceeded", "Your request was too big.", 400)
    return given


def _check_all(redirect: Mapping[str, Any]) -> None:
    if not redirect.get("HostName"):
        raise malformed_xml()
    _check_protocol(redirect)


def _check_documents(given: Mapping[str, Any]) -> None:
    if "IndexDocument" not in given:
        raise invalid_argument(_NO_INDEX, "IndexDocument", "null")
    suffix = given["IndexDocument"].get("Suffix") or ""
    if not suffix or "/" in suffix:  # "The suffix must not be empty and must not include a slash character"
        raise invalid_argument("The IndexDocument Suffix is not well formed", "IndexDocument", suffix)
    if "ErrorDocument" in given and not given["ErrorDocument"].get("Key"):
        raise malformed_xml()


def _check_rules(rules: list[Mapping[str, Any]]) -> None:
    if not rules:
        raise malformed_xml()
    if len(rules) > _MOST_RULES:
        raise invalid_request(
            f"{len(rules)} routing rules provided, the number of routing rules in a website "
            f"configuration is limited to {_MOST_RULES}."
        )
    for rule in rules:
        redirect, condition = rule.get("Redirect"), rule.get("Condition")
        if not redirect:
            raise malformed_xml()
        if "ReplaceKeyPrefixWith" in redirect and "ReplaceKeyWith" in redirect:
            raise invalid_request("You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
        if condition is not None and not condition:
            raise invalid_request(_NO_CONDITION)
        _check_protocol(redirect)
        _check_codes(condition or {}, redirect)


def _check_protocol(redirect: Mapping[str, Any]) -> None:
    if redirect.get("Protocol") and redirect["Protocol"] not in _PROTOCOLS:
        raise invalid_request(_PROTOCOL)


def _check_codes(condition: Mapping[str, Any], redirect: Mapping[str, Any]) -> None:
    code = condition.get("HttpErrorCodeReturnedEquals")
    if code is not None and not _is_code(code, "45"):
        raise invalid_request(f"The provided HTTP error code ({code}) is not valid. Valid codes are 4XX or 5XX.")
    code = redirect.get("HttpRedirectCode")
    if code is not None and (not _is_code(code, "3") or code == "300"):
        raise invalid_request(f"The provided HTTP redirect code ({code}) is not valid. Valid codes are 3XX except 300.")


def _is_code(text: str, classes: str) -> bool:
    return len(text) == 3 and text.isascii() and text.isdigit() and text[0] in classes
