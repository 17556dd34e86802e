"""ACLs as requests give them (canned, in headers, as a document) and as answers show them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from shim.authz.acl import ANONYMOUS, FULL_CONTROL, GROUPS, Acl, Grant, canned
from shim.context import Call
from shim.errors import AwsError
from shim.s3.errors import invalid_argument, invalid_request
from shim.s3.owners import named

HEADERS: Final = {
    "GrantFullControl": FULL_CONTROL,
    "GrantRead": "READ",
    "GrantReadACP": "READ_ACP",
    "GrantWrite": "WRITE",
    "GrantWriteACP": "WRITE_ACP",
}
MEMBERS: Final = "ACL GrantFullControl GrantRead GrantReadACP GrantWriteACP"
_MOST: Final = 100  # "An ACL can have up to 100 grants" (User Guide)
_SORTS: Final = frozenset(("id", "uri", "emailAddress"))
_ID: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}|[0-9]{12}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def asked(call: Call, req: Mapping[str, Any], owner: str) -> Acl | None:
    """Return the ACL that a request's parameters ask for, for a thing of that owner; None if they ask for none."""
    name, headers = req.get("ACL"), [member for member in HEADERS if req.get(member)]
    document = req.get("AccessControlPolicy")
    if document is not None:
        if name or headers:
            raise AwsError("UnexpectedContent", "This request does not support content", 400)
        return _documented(call, document, owner)
    if name and headers:
        raise invalid_request("Specifying both Canned ACLs and Header Grants is not allowed")
    if name:
        return canned(name, owner, call.caller.project_id)
    if not headers:
        return None
    return _acl(owner, (Grant(HEADERS[member], one) for member in headers for one in _named(req[member], member)))


def grantees(text: str) -> Iterator[tuple[str, str] | None]:
    """Yield the sort and the value of each grantee of a header, `id="...", uri="..."`; None for one that is neither.

    The quotes may be left out.  A pattern would take quadratic time and more, as white space may stand anywhere.
    """
    for piece in text.split(","):
        sort, equals, rest = piece.partition("=")
        value, _, after = rest.lstrip().removeprefix('"').partition('"')
        known = bool(equals) and sort.strip() in _SORTS and not after.strip()
        yield (sort.strip(), value) if known else None


def _named(text: str, member: str) -> Iterator[str]:
    for found in grantees(text):
        if found is None:
            raise invalid_argument("Argument format not recognized", member, text)
        sort, value = found
        yield _group(value) if sort == "uri" else _email() if sort == "emailAddress" else _account(value)


def _documented(call: Call, document: Mapping[str, Any], owner: str) -> Acl:
    told = (document.get("Owner") or {}).get("ID")
    if not told:
        raise _malformed()
    if told != owner:
        raise AwsError("AccessDenied", "Access Denied", 403)
    return _acl(owner, map(_granted, document.get("Grants") or ()))


def _granted(told: Mapping[str, Any]) -> Grant:
    grantee, permission = told.get("Grantee") or {}, told.get("Permission")
    if permission is None or permission not in HEADERS.values():
        raise _malformed()
    match grantee.get("Type"):
        case "CanonicalUser":
            return Grant(permission, _account(grantee.get("ID") or ""))
        case "Group":
            return Grant(permission, _group(grantee.get("URI") or ""))
        case "AmazonCustomerByEmail":
            _email()
    raise _malformed()


def _acl(owner: str, grants: Iterator[Grant] | map[Grant]) -> Acl:
    found = tuple(dict.fromkeys(grants))
    if len(found) > _MOST:
        raise _malformed()
    return Acl(owner, found)


def _account(text: str) -> str:
    if not _ID.fullmatch(text):
        raise invalid_argument("Invalid id", "CanonicalUser/ID", text)
    return text


def _group(text: str) -> str:
    if text not in GROUPS:
        raise invalid_argument("Invalid group uri", "Group/URI", text)
    return text


def _email() -> str:
    # "Attempts to use an Email Grantee ACL in a request after October 1, 2025 will receive an HTTP 405" (PutBucketAcl).
    raise AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)


def _malformed() -> AwsError:
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    return AwsError("MalformedACLError", message, 400)


def shown(call: Call, acl: Acl) -> dict[str, Any]:
    """Return an ACL as answers show it: groups first, as AWS documents no order."""
    ordered = sorted(acl.grants, key=lambda one: one.grantee not in GROUPS)
    return {
        "Owner": named(call, acl.owner),
        "Grants": [{"Grantee": _grantee(call, one.grantee), "Permission": one.permission} for one in ordered],
    }


def _grantee(call: Call, name: str) -> dict[str, Any]:
    return {"Type": "Group", "URI": name} if name in GROUPS else {"Type": "CanonicalUser", **named(call, name)}


def requester(call: Call) -> str:
    """Return the canonical id of a request's sender."""
    return call.requester.project_id or (call.caller.project_id if call.caller is call.requester else ANONYMOUS)
