"""GetSessionToken, AssumeRole and GetAccessKeyInfo: temporary credentials, sealed in their tokens (decision 28)."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from adapters.types.identity import Ec2Credential
from shim.auth.accounts import account_id
from shim.auth.errors import AuthFault, auth_error
from shim.auth.keys import Keys
from shim.auth.sessions import Session, Sessions, Temporary, account_in, ends
from shim.context import Call
from shim.errors import AwsError
from shim.sts.service import action

_LEAST_SECONDS = 900
_SESSION_SECONDS = (43_200, 129_600)  # the default and the longest life of a session of GetSessionToken
_ROLE_SECONDS = (3_600, 43_200)
_CHAINED_SECONDS = 3_600  # "role chaining limits your role session to a maximum of one hour"

_ROLE_ARN = re.compile(
    r"arn:aws(?:-[a-z-]+)?:iam::([0-9]{12}):role/(?:[\x21-\x7e]{1,512}/)?([\w+=,.@-]{1,64})", re.ASCII
)
_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_KEY = re.compile(r"\w{16,128}", re.ASCII)


@action(supports="DurationSeconds")
async def get_session_token(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Issue temporary credentials for what the caller's own key may do."""
    if call.caller.session:
        raise AwsError("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
    seconds = _seconds(req, *_SESSION_SECONDS)
    caller = call.caller
    made = Session(caller.access_key, caller.user_id, caller.project_id, _end(seconds))
    return {"Credentials": _written(_sessions(call).issue(made, caller.account_id), made)}


@action(
    supports="RoleArn RoleSessionName DurationSeconds",
    ignores={"ExternalId": "a condition of a role's trust policy, and Keystone's roles have none"},
)
async def assume_role(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Issue temporary credentials for a project in which the caller's user has an access key and the named role."""
    arn, name = req["RoleArn"], req["RoleSessionName"]
    found = _ROLE_ARN.fullmatch(arn)
    if found is None:
        raise AwsError("ValidationError", f"{arn[:100]} is invalid")
    if not _NAME.fullmatch(name):
        raise _invalid("roleSessionName", name[:100], r"Member must satisfy regular expression pattern: [\w+=,.@-]*")
    chained = call.caller.session is not None and call.caller.session.role != ""
    longest = _CHAINED_SECONDS if chained else _ROLE_SECONDS[1]
    seconds = _seconds(req, _ROLE_SECONDS[0], longest)
    account, role = found[1], found[2]
    parent = await _parent(call, account, role)
    if parent is None:
        who = call.caller.arn
        raise AwsError(
            "AccessDenied", f"User: {who} is not authorized to perform: sts:AssumeRole on resource: {arn}", 403
        )
    made = Session(parent.access, parent.user_id, parent.project_id, _end(seconds), role, name)
    temporary = _sessions(call).issue(made, account)
    return {
        "Credentials": _written(temporary, made),
        "AssumedRoleUser": {"AssumedRoleId": assumed_id(made), "Arn": assumed_arn(made, account)},
    }


@action(supports="AccessKeyId")
async def get_access_key_info(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the account of an access key; a temporary one contains it."""
    key = req["AccessKeyId"]
    if not _KEY.fullmatch(key):
        raise _invalid("accessKeyId", key[:128], r"Member must satisfy regular expression pattern: [\w]*")
    if account := account_in(key):
        return {"Account": account}
    credential = await _keys(call).credential(key, service="sts", address=call.client)
    return {"Account": account_id(credential.project_id, call.settings.account_ids)}


def assumed_arn(session: Session, account: str) -> str:
    """Return the ARN of a session in a role."""
    return f"arn:aws:sts::{account}:assumed-role/{session.role}/{session.name}"


def assumed_id(session: Session) -> str:
    """Return the id of a session in a role; its first part is the user's, as Keystone's roles are no project's."""
    return f"AROA{session.user_id[:17].upper()}:{session.name}"


async def _parent(call: Call, account: str, role: str) -> Ec2Credential | None:
    """Find the credential of the caller's user in an account where it has a role; None if there is none.

    A delegated credential (of an application credential or a trust) is bounded, so it leads nowhere but to itself, and
    is never used by another one.
    """
    keys, caller = _keys(call), call.caller
    own_key = caller.session.parent if caller.session else caller.access_key
    own = await keys.credential(own_key, service="sts")
    found = [own]
    if call.settings.assume_role and keys.owned is not None and not own.delegated:
        listed = await keys.owned.ec2_credentials(caller.user_id)
        found += sorted(
            (one for one in listed if not one.delegated and one.access != own.access), key=lambda c: c.access
        )
    for one in found:
        if account_id(one.project_id, call.settings.account_ids) != account or one.user_id != caller.user_id:
            continue
        current = await keys.credential(one.access, service="sts")
        token = await keys.token(current, service="sts")
        return current if role in token.roles else None
    return None


def _seconds(req: Mapping[str, Any], usual: int, longest: int) -> int:
    seconds = int(req.get("DurationSeconds", min(usual, longest)))
    if not _LEAST_SECONDS <= seconds <= longest:
        bound = (
            f"Member must have value greater than or equal to {_LEAST_SECONDS}"
            if seconds < _LEAST_SECONDS
            else f"Member must have value less than or equal to {longest}"
        )
        raise _invalid("durationSeconds", str(seconds), bound)
    return seconds


def _invalid(name: str, value: str, why: str) -> AwsError:
    sentence = f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {why}"
    return AwsError("ValidationError", sentence, refused=name)


def _end(seconds: int) -> int:
    return int(time.time()) + seconds


def _written(made: Temporary, session: Session) -> dict[str, Any]:
    return {
        "AccessKeyId": made.access_key,
        "SecretAccessKey": made.secret,
        "SessionToken": made.token,
        "Expiration": ends(session),
    }


def _keys(call: Call) -> Keys:
    if call.access_keys is None:
        raise _no_sessions()
    return call.access_keys


def _sessions(call: Call) -> Sessions:
    sessions = _keys(call).sessions
    if sessions is None:
        raise _no_sessions()
    return sessions


def _no_sessions() -> AwsError:
    return auth_error("sts", AuthFault.BAD_TOKEN)
