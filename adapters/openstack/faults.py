"""OpenStack's errors: one table turns (service, status, body) into a `BackendError`.

Every service has its own format of errors (Nova names the fault by the JSON key, Neutron by a `type`, Glance answers
HTML) and uses status codes in its own way (Nova's quota is a 403, Cinder's a 413, Neutron's a 409).  Only this module
knows these differences.
"""

from __future__ import annotations

import html
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from adapters.errors import BackendError, Fault

log = logging.getLogger(__name__)

# Seconds to advise where OpenStack gave no Retry-After of its own.
RETRY_AFTER: Final = {Fault.UNAVAILABLE: 5, Fault.THROTTLED: 1}

_LONGEST_DETAIL: Final = 300
_LONGEST_BODY: Final = 1 << 16

# Fernet tokens, and values of names such as `password`: an error text must be safe to log and to show.
_SECRETS: Final = re.compile(r"gAAAA[\w-]{16,}=*|(?i:(?:token|secret|password|signature)s?['\"]?\s*[:=]\s*)\S+")


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """A service's error: `kind` is its name for the error ("itemNotFound", "SecurityGroupInUse"), or empty."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """The first rule that fits decides; `text` is searched in "kind message"."""

    status: int
    text: re.Pattern[str]
    fault: Fault
    service: str = ""


def _rule(status: int, text: str, fault: Fault, service: str = "") -> _Rule:
    return _Rule(status, re.compile(text, re.IGNORECASE), fault, service)


_RULES: Final = (
    # Neutron (neutron_lib.exceptions; the type is the exception's class name).
    _rule(409, r"^OverQuota\b|^\w*QuotaExceeded\b|^ExternalDNSOverQuota\b", Fault.QUOTA, "network"),
    _rule(
        409,
        r"^(SecurityGroupRuleExists|DuplicateSecurityGroupRuleInPost|SecurityGroupDefaultAlreadyExists|\w*AlreadyExists"
        r"|Duplicate\w+|FloatingIPPortAlreadyAssociated|MacAddressInUse|IpAddressInUse|GatewayIpInUse"
        r"|IpAddressAlreadyAllocated|RouterInterfaceAttachmentConflict)\b",
        Fault.DUPLICATE,
        "network",
    ),
    _rule(409, r"^(IpAddressGenerationFailure\w*|NoNetworkAvailable|\w*Exhausted)\b", Fault.NO_CAPACITY, "network"),
    _rule(409, r"^(SecurityGroupCannot\w+)\b", Fault.INVALID, "network"),
    _rule(409, r"^(\w*InUse\w*|FipAssociated|PortBound|PortHasBindingFloatingIP)\b", Fault.IN_USE, "network"),
    # An attached port that a server or a router owns: "ServicePortInUse" is above; older texts name no type.
    _rule(409, r"still in use|is in use|in use by", Fault.IN_USE, "network"),
    _rule(400, r"^(ExternalIpAddressExhausted|\w*Exhausted)\b", Fault.NO_CAPACITY, "network"),
    _rule(400, r"^AddressesAlreadyExist\b", Fault.DUPLICATE, "network"),
    # No router leads from the port's subnet to the floating IP's network: the floating IP itself is there.
    _rule(404, r"^ExternalGatewayForFloatingIPNotFound\b", Fault.CONFLICT, "network"),
    _rule(503, r"^(IpAddressGenerationFailure\w*|NoNetworkAvailable)\b", Fault.NO_CAPACITY, "network"),
    # SubnetAllocationError of a subnet pool, which has no status of its own.
    _rule(500, r"insufficient prefix space", Fault.NO_CAPACITY, "network"),
    # Nova: quotas are 403 (413 before 2.1), and so is the limit of metadata items.
    _rule(403, r"quota exceeded|exceeds? quota|maximum number of|too many", Fault.QUOTA, "compute"),
    _rule(409, r"already exists", Fault.DUPLICATE, "compute"),
    _rule(409, r"in use\b|in-use|already (?:associated|attached)", Fault.IN_USE, "compute"),
    _rule(400, r"no valid host|no fixed ip|no more (?:fixed|floating)", Fault.NO_CAPACITY, "compute"),
    _rule(409, r"no fixed ip|fixedipexhausted|no more ip", Fault.NO_CAPACITY, "compute"),
    # Cinder, and Nova where it passes Cinder's word on: a state that forbids is a 400, "Invalid volume: Volume status
    # must be available or ...", which only its text distinguishes from a bad value.
    _rule(400, r"invalid (?:volume|snapshot|backup)\b.*(?:status|must be|attached|in-use|reserved)", Fault.CONFLICT),
    # Glance.
    _rule(409, r"already exists|duplicate", Fault.DUPLICATE, "image"),
    _rule(409, r"in use", Fault.IN_USE, "image"),
    # Keystone: one credential, one name.
    _rule(409, r"duplicate|already", Fault.DUPLICATE, "identity"),
    _rule(403, r"quota", Fault.QUOTA),
)

_BY_STATUS: Final = {
    304: Fault.NOT_MODIFIED,
    400: Fault.INVALID,
    401: Fault.UNAUTHORIZED,
    403: Fault.FORBIDDEN,
    404: Fault.NOT_FOUND,
    405: Fault.UNSUPPORTED,
    406: Fault.UNSUPPORTED,  # a microversion this cloud does not have
    409: Fault.CONFLICT,
    410: Fault.NOT_FOUND,
    412: Fault.PRECONDITION,  # Neutron's RevisionNumberConstraintFailed
    413: Fault.QUOTA,  # Cinder's OverLimit, Glance's limits
    415: Fault.INVALID,
    422: Fault.INVALID,
    429: Fault.THROTTLED,
    501: Fault.UNSUPPORTED,
}


def backend_error(
    service: str,
    status: int,
    body: bytes,
    headers: Mapping[str, str],
    *,
    resource: str = "",
    id: str = "",
) -> BackendError:
    """Return the error that an unsuccessful answer means; `headers` must look names up case-insensitively."""
    error_body = read_error_body(body)
    fault = _fault(service, status, f"{error_body.kind} {error_body.message}".lstrip())
    return BackendError(
        fault,
        service=service,
        resource=resource,
        id=id,
        detail=clean(error_body.message),
        status=status,
        upstream_id=upstream_id(headers),
        retry_after=retry_after(headers, fault),
    )


def unavailable(
    service: str, detail: str, *, resource: str = "", id: str = "", status: int = 0, upstream_id: str = ""
) -> BackendError:
    """Return the error for a service that gave no answer, or an unreadable one."""
    return BackendError(
        Fault.UNAVAILABLE,
        service=service,
        resource=resource,
        id=id,
        detail=clean(detail),
        status=status,
        upstream_id=upstream_id,
        retry_after=RETRY_AFTER[Fault.UNAVAILABLE],
    )


def upstream_id(headers: Mapping[str, str]) -> str:
    """Return the id under which OpenStack logged the request, or an empty string."""
    found = headers.get("x-openstack-request-id") or headers.get("x-compute-request-id") or ""
    return found[:64]


def retry_after(headers: Mapping[str, str], fault: Fault) -> int | None:
    """Return the seconds to wait before a retry, for the faults where a retry may help."""
    if fault not in RETRY_AFTER:
        return None
    # RFC 9110 also allows a date; no OpenStack service sends one, so the default is used for it.
    told = headers.get("retry-after", "").strip()
    return int(told) if told.isascii() and told.isdigit() else RETRY_AFTER[fault]


def clean(text: str) -> str:
    """Return an upstream text on one line, without secrets, short enough for a log line."""
    line = _SECRETS.sub("***", " ".join(text.split()))
    return line if len(line) <= _LONGEST_DETAIL else line[: _LONGEST_DETAIL - 1] + "…"


def read_error_body(body: bytes) -> ErrorBody:
    """Read the shapes of all services: JSON by fault name, Neutron's typed error, Keystone's, Glance's HTML, text."""
    text = body[:_LONGEST_BODY].decode("utf-8", "replace").strip()
    if text.startswith(("{", "[")):
        try:
            return _from_json(json.loads(text))
        except ValueError:
            return ErrorBody("", "")
    if text.startswith("<"):
        return ErrorBody("", _from_html(text))
    return ErrorBody("", text)


def _fault(service: str, status: int, text: str) -> Fault:
    for rule in _RULES:
        if rule.status == status and rule.service in ("", service) and rule.text.search(text):
            return rule.fault
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return Fault.INVALID if 400 <= status < 500 else Fault.UNAVAILABLE


def _from_json(answer: object) -> ErrorBody:
    if not isinstance(answer, dict):
        return ErrorBody("", "")
    # Nova, Cinder and Keystone answer an object below the fault's name, Neutron one below "NeutronError" with the
    # name inside, Placement a list below "errors".
    for name, inner in answer.items():
        first = inner[0] if isinstance(inner, list) and inner else inner
        if isinstance(first, dict):
            message = first.get("message") or first.get("detail") or first.get("title") or ""
            return ErrorBody(str(first.get("type") or name), str(message))
    # Glance, asked for JSON, still writes markup inside its message.  Barbican calls it `description`.
    found = (answer.get(name) for name in ("message", "NeutronError", "faultstring", "description"))
    message = next(filter(None, found), "")
    return ErrorBody("", _from_html(str(message)))


def _from_html(text: str) -> str:
    rest = re.sub(r"(?is)^.*</h1>", "", text, count=1)
    return html.unescape(re.sub(r"<[^>]*>", " ", rest)).strip()
