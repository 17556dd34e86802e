"""Checks Keystone: its version, and the rights of the gateway's own user."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from adapters.errors import BackendError, Fault
from adapters.openstack.doctor.examination import Examination
from adapters.openstack.doctor.findings import Finding, fine, note, problem
from adapters.types.identity import Ec2Credential

_VERSION: Final = "identity: version"
_LOGIN: Final = "identity: login"
_TOKENS: Final = "identity: ec2tokens"
_CREDENTIALS: Final = "identity: credentials"
_PROJECTS: Final = "identity: service projects"
_REGION: Final = "identity: region"


async def version(at: Examination) -> AsyncIterator[Finding]:
    """Ask Keystone for its version document, which needs no login."""
    url = at.config.auth_url
    try:
        answer = await at.get("identity", url)
        told = _versions(answer.json()) if answer.status < 400 else []
    except BackendError as error:
        yield problem(
            _VERSION, f"no answer from {url}: {error.detail}", "Check auth_url in clouds.yaml and the network."
        )
        return
    three = [one for one in told if str(one.get("id", "")).startswith("v3")]
    if three:
        yield fine(_VERSION, f"{three[0]['id']} at {url}")
    else:
        yield problem(_VERSION, f"no version 3 at {url} (status {answer.status})", "Let auth_url end with /v3.")


async def login(at: Examination) -> AsyncIterator[Finding]:
    """Log in with the scope that clouds.yaml names."""
    try:
        token = await at.factory.login.token()
    except BackendError as error:
        name = at.config.name
        advice = f"Check user, password and project of {name!r} in clouds.yaml: openstack --os-cloud {name} token issue"
        yield problem(_LOGIN, error.detail, advice)
        return
    at.token = token
    roles = ", ".join(sorted(token.roles)) or "none"
    yield fine(_LOGIN, f"user {token.user_name} in project {token.project_name}, roles: {roles}")


async def grants(at: Examination) -> AsyncIterator[Finding]:
    """Try the calls that the gateway needs for every request, with an access key that does not exist."""
    user, project = at.token.user_name, at.token.project_name
    nobody = f"doctor-{secrets.token_hex(8)}"
    identity = at.factory.identity
    yield await _tried(
        _TOKENS,
        lambda: identity.token(Ec2Credential(nobody, nobody, "", "")),
        "access keys can be exchanged for tokens",
        f"openstack role add --user {user} --project {project} service",
    )
    yield await _tried(
        _CREDENTIALS,
        lambda: identity.ec2_credential(nobody),
        "secrets of access keys can be read",
        f"openstack role add --user {user} --system all reader",
    )


async def _tried(about: str, attempt: Callable[[], Awaitable[Any]], says: str, grant: str) -> Finding:
    """Return the finding of an attempt; the expected answer is that the access key does not exist."""
    try:
        await attempt()
    except BackendError as error:
        if error.fault is Fault.FORBIDDEN:
            return problem(about, "Keystone forbids it, so no request can be served", f"Grant the role: {grant}")
        if error.fault is not Fault.UNAUTHORIZED:
            return problem(about, error.detail or error.fault.value, "Look into Keystone's log.")
    return fine(about, says)


async def projects(at: Examination) -> AsyncIterator[Finding]:
    """Ask in which other projects the gateway's user has a role, which some features need."""
    scope = await at.factory.service_scope()
    if scope.enabled:
        yield fine(_PROJECTS, f"the gateway's user can act in {scope.others} projects beside its own")
    elif not scope.movable:
        advice = "Use a login with a password where features need to act for a bucket's owner."
        yield note(_PROJECTS, "an application credential is bound to its own project", advice)
    else:
        advice = (
            "Grant it where callers who do not own a bucket shall reach it: openstack role add "
            f"--user {at.token.user_name} --domain DOMAIN --inherited swiftoperator"
        )
        yield note(_PROJECTS, "the gateway's user has a role on no project but its own", advice)


async def region(at: Examination) -> AsyncIterator[Finding]:
    """Compare the configured region with the catalogue."""
    others = sorted(at.factory.other_regions())
    if not at.config.region:
        yield note(_REGION, "none is configured", "Set region_name in clouds.yaml or PASSERELLE_REGION.")
    elif not at.token.catalog.keys() - {"identity"}:
        advice = f"Set one of the catalogue's regions in clouds.yaml: {', '.join(others) or 'it has none'}."
        yield problem(_REGION, f"the catalogue has no service in {at.config.region!r}", advice)
    else:
        yield fine(_REGION, f"{at.config.region}; refused as other regions: {', '.join(others) or 'none'}")


def _versions(document: Any) -> list[dict[str, Any]]:
    """Return the versions of Keystone's document, which lists one at /v3 and several above it."""
    if not isinstance(document, dict):
        return []
    if isinstance(document.get("version"), dict):
        return [document["version"]]
    values = document.get("versions")
    found = values.get("values", []) if isinstance(values, dict) else values
    return [one for one in found or [] if isinstance(one, dict)]
