"""The state that all checks of one cloud share."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from adapters.openstack.cloud import CloudFactory
from adapters.openstack.doctor.clocks import Clocks
from adapters.openstack.session import Session
from adapters.openstack.transport import Answer
from adapters.types.identity import Token


class Examination:
    """One run of the checks: connections, the gateway's token once it is known, and the services' clocks.

    `key_secret` is the name of the gateway's keys in Barbican, '' if it keeps none there.  `policies` are the storage
    policies that its settings name.
    """

    token: Token

    def __init__(
        self, factory: CloudFactory, key_secret: str = "", policies: Collection[str] = (), ipv6_pool: str = ""
    ) -> None:
        self.factory = factory
        self.key_secret = key_secret
        self.policies = policies
        self.ipv6_pool = ipv6_pool
        self.config = factory.config
        self.clocks = Clocks()

    async def get(self, service: str, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """GET a URL without a token and record the service's clock; raise BackendError if it does not answer."""
        before = datetime.now(UTC)
        answer = await self.factory.get(service, url, headers or {})
        self.clocks.note(service, answer.headers, before, datetime.now(UTC))
        return answer

    def session(self) -> Session:
        """Return the session for calls with the gateway's own token."""
        return self.factory.session(self.factory.login, str(uuid.uuid4()))
