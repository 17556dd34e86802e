"""Logs in the gateway's own user by keystoneauth, which blocks and therefore runs in a thread.

A login is a `TokenSource` like a tenant's, so both use the same `Session`.
"""

from __future__ import annotations

import asyncio
import logging
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import requests
from keystoneauth1 import exceptions
from keystoneauth1.session import Session as BlockingSession
from urllib3.exceptions import InsecureRequestWarning

from adapters.errors import BackendError
from adapters.openstack import faults
from adapters.openstack.catalog import other_regions, token_from
from adapters.openstack.config import CloudConfig
from adapters.types.identity import Token

log = logging.getLogger(__name__)

# A token that expires so soon is replaced before it is used.
_MARGIN: Final = timedelta(seconds=60)
# A younger token is not the reason for a 401: Keystone answers 401 for clients' credentials too, and a client with an
# invalid key must not make the gateway log in repeatedly.
_TRUSTED_SECONDS: Final = 10.0
# For so long a login that failed is not tried again: all who wait for it, and those who come then, have its error.
_FAILED_SECONDS: Final = 1.0


class Login:
    """One scope of the gateway's user; the first of `plugins` with which Keystone accepts the login is used.

    If Keystone accepts none, the error that `refused` returns is raised, or UNAVAILABLE without `refused`.
    `other_regions` are the case-folded names of the other regions in the catalogue of the last login.
    """

    def __init__(
        self,
        plugins: Sequence[Any],
        session: BlockingSession,
        config: CloudConfig,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        refused: Callable[[], BackendError] | None = None,
    ) -> None:
        self._plugins = plugins
        self._refused = refused
        self._session = session
        self._config = config
        self._now = now
        self._monotonic = monotonic
        self._lock = asyncio.Lock()
        self._token: Token | None = None
        self._since = 0.0
        self._failure: BackendError | None = None
        self._failed_until = 0.0
        self.other_regions: frozenset[str] = frozenset()

    async def token(self) -> Token:
        """Return a token; raise BackendError UNAVAILABLE if the login fails."""
        token = self._token
        if token is not None and not self._ending(token):
            return token
        async with self._lock:  # one login for many callers
            if self._token is None or self._ending(self._token):
                await self._renew()
            assert self._token is not None
            return self._token

    async def renew(self, stale: Token) -> Token:
        """Log in again after a refused token, unless the last login was just now."""
        async with self._lock:
            held = self._token
            if held is not None and (held.id != stale.id or self._monotonic() - self._since < _TRUSTED_SECONDS):
                return held
            await self._renew()
            assert self._token is not None
            return self._token

    def _ending(self, token: Token) -> bool:
        return token.expires_at - self._now() < _MARGIN

    async def _renew(self) -> None:
        if self._failure is not None and self._failed_until > self._monotonic():
            raise self._failure.with_traceback(None)
        try:
            await self._log_in()
        except BackendError as error:
            self._failure, self._failed_until = error, self._monotonic() + _FAILED_SECONDS
            raise

    async def _log_in(self) -> None:
        for plugin in self._plugins:
            try:
                access = await asyncio.to_thread(plugin.get_auth_ref, self._session)
            except (exceptions.Unauthorized, exceptions.Forbidden) as error:
                log.info("a scope of the gateway's login was refused: %s", faults.clean(error.message or ""))
                continue
            except (exceptions.ClientException, requests.RequestException) as error:
                log.warning("the gateway's login failed: %s %s", type(error).__name__, faults.clean(str(error)))
                raise faults.unavailable("identity", type(error).__name__, resource="token") from error
            token = token_from(access, self._config)
            # The configured address of Keystone is reachable; the catalog's may not be.
            self._token = replace(token, catalog={**token.catalog, "identity": self._config.auth_url})
            self._since = self._monotonic()
            self.other_regions = other_regions(access, self._config)
            return
        if self._refused is not None:
            raise self._refused()
        # Not UNAUTHORIZED, which would mean that the caller's key is invalid.
        log.error("Keystone refuses the gateway's own login to cloud %s", self._config.name)
        raise faults.unavailable("identity", "the gateway's own login was refused", resource="token")


def blocking_session(config: CloudConfig, seconds: float) -> BlockingSession:
    """Return keystoneauth's session for logins and version discovery; `seconds` is the network timeout."""
    http = requests.Session()
    # As for all other calls: ignore the environment's proxies, certificates and .netrc.
    http.trust_env = False
    if config.verify is False:
        # `CloudFactory.open` warns once; urllib3 would warn with every request.
        warnings.filterwarnings("ignore", category=InsecureRequestWarning)
    return BlockingSession(
        auth=config.project,
        session=http,
        verify=config.verify,
        cert=config.certificate,
        timeout=seconds,
        app_name="passerelle",
    )
