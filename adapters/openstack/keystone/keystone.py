"""Keystone's calls by the gateway's own user: read an access key's secret, and get a token for its owner."""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from keystoneauth1 import access as token_access

from adapters.errors import BackendError, Fault
from adapters.openstack import faults
from adapters.openstack.catalog import token_from
from adapters.openstack.config import CloudConfig
from adapters.openstack.keystone.ec2_signing import ec2tokens_body
from adapters.openstack.session import Session
from adapters.openstack.transport import Answer, Transport
from adapters.ports.identity import TokenSource
from adapters.types.identity import Ec2Credential, Token

log = logging.getLogger(__name__)

# Items of a credential's blob (keystone.api._shared.EC2_S3_Resource) that bound what it may do.
_DELEGATIONS = ("trust_id", "app_cred_id", "access_token_id")


class Keystone:
    """`adapters.ports.identity.Identity` over Keystone's v3 API.

    `project` must hold role `service` (or admin) for `ec2tokens`, `system` role `reader` on the system scope (or admin)
    for reading credentials: under Keystone's stock policy neither suffices for the other.
    """

    def __init__(
        self,
        transport: Transport,
        config: CloudConfig,
        *,
        project: TokenSource,
        system: TokenSource,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._transport = transport
        self._config = config
        self._project = project
        self._system = system
        self._now = now

    async def ec2_credential(self, access: str) -> Ec2Credential | None:
        """Return the credential of an access key, or None if Keystone has no such key of type `ec2`."""
        # "The ID of an EC2 credential is the hash of its access key" (keystone.common.utils.hash_access_key).
        path = f"/credentials/{hashlib.sha256(access.encode('utf-8', 'surrogatepass')).hexdigest()}"
        try:
            return _credential(access, (await self._read(path)).member("credential"))
        except BackendError as error:
            if error.fault is Fault.NOT_FOUND:
                return None
            if error.fault is Fault.FORBIDDEN:
                log.error("the gateway's user may not read credentials: it needs role reader on the system scope")
            elif error.fault is Fault.UNAUTHORIZED:  # the gateway's token was refused, not the caller's key
                raise faults.unavailable("identity", error.detail, resource="credential", status=401) from error
            raise

    async def ec2_credentials(self, user_id: str) -> list[Ec2Credential]:
        """List the EC2 credentials of a user."""
        answer = await self._read(f"/credentials?{urlencode({'user_id': user_id, 'type': 'ec2'})}")
        found = []
        for one in answer.member("credentials"):
            try:
                known = _credential(str(json.loads(one["blob"])["access"]), one)
            except (KeyError, TypeError, ValueError):
                continue  # a user may store any text
            if known is not None and known.user_id == user_id:
                found.append(known)
        return found

    async def _read(self, path: str) -> Answer:
        """GET with the system token; retry once with a new token, in case the role was granted after the login."""
        session = self._session(self._system)
        try:
            return await session.get("identity", path, resource="credential")
        except BackendError as error:
            held = await self._system.token()
            if error.fault is not Fault.FORBIDDEN or (await self._system.renew(held)).id == held.id:
                raise
        return await session.get("identity", path, resource="credential")

    async def token(self, credential: Ec2Credential) -> Token:
        """Return a token of the credential's user on its project; raise UNAUTHORIZED if Keystone refuses."""
        body = ec2tokens_body(credential, self._now())
        try:
            answer = await self._session(self._project).post(
                "identity", "/ec2tokens", json=body, resource="credential", id=credential.access
            )
        except BackendError as error:
            if error.fault is Fault.NOT_FOUND:  # the credential, its user or its project was deleted
                error.fault = Fault.UNAUTHORIZED
            elif error.fault is Fault.FORBIDDEN:
                log.error("the gateway's user may not use ec2tokens: it needs role service on its project")
            raise
        token_id = answer.headers.get("X-Subject-Token")
        if not token_id:
            raise faults.unavailable("identity", "ec2tokens answered without a token", status=answer.status)
        answer.member("token")
        return token_from(_access(answer.json(), token_id), self._config)

    async def project_ids(self) -> list[str]:
        """List the ids of all projects; raise BackendError FORBIDDEN where the gateway's user may not."""
        found = (await self._session(self._system).get("identity", "/projects", resource="project")).member("projects")
        return [one["id"] for one in found if not one.get("is_domain")]

    async def ready(self) -> None:
        """Return if Keystone answers and accepts the gateway's own token; raise BackendError otherwise."""
        token = await self._project.token()
        session = self._session(self._project)
        await session.request("HEAD", "identity", "/auth/tokens", headers={"X-Subject-Token": token.id})
        await self._system.token()

    def _session(self, tokens: TokenSource) -> Session:
        # The caller caches the answer for many requests, so these calls have their own request id.
        return Session(self._transport, tokens, str(uuid.uuid4()))


def _access(body: Any, token_id: str) -> Any:
    return token_access.create(body=body, auth_token=token_id)


def _credential(access: str, found: Any) -> Ec2Credential | None:
    """Parse Keystone's credential; its blob is a JSON string, and only credentials of type ec2 are access keys."""
    try:
        if found["type"] != "ec2":
            return None
        blob = json.loads(found["blob"])
        if blob["access"] != access:
            return None
        delegated = any(blob.get(name) for name in _DELEGATIONS)
        return Ec2Credential(access, blob["secret"], found["user_id"], found["project_id"], delegated)
    except (KeyError, TypeError, ValueError) as error:
        # Without the cause: a parse error's text quotes the blob, which contains the secret.
        log.warning("Keystone's credential for an access key makes no sense: %s", type(error).__name__)
        raise faults.unavailable("identity", "the credential makes no sense", resource="credential") from None
