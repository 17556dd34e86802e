"""Logs in the gateway's own user on other projects where the operator has granted it a role.

Keystone gives a token for a project only to a user with a role on it, so the grant alone decides the access.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from keystoneauth1.session import Session as BlockingSession

from adapters.errors import BackendError, Fault
from adapters.openstack.config import CloudConfig
from adapters.openstack.keystone.login import Login
from adapters.openstack.session import Session
from adapters.types.identity import Token

log = logging.getLogger(__name__)

_MOST_PROJECTS: Final = 1000
# A project that refused is not tried again for so long: requests by others must not cause repeated logins.
_REFUSED_SECONDS: Final = 60.0
# How long it is remembered whether the user can act in other projects, or that Keystone could not be asked.
_ENABLED_SECONDS: Final = 600.0
_DISABLED_SECONDS: Final = 60.0
_FAILED_SECONDS: Final = 1.0
_MOST_REFUSALS: Final = 10_000
_LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class ServiceScope:
    """Where the gateway's user has a role: its own `project`, and the number of `others`.

    `movable` is false if this kind of login cannot be scoped to another project.
    """

    user: str
    project: str
    others: int
    movable: bool

    @property
    def enabled(self) -> bool:
        """Return whether the user has a role on any other project."""
        return self.movable and self.others > 0

    def summary(self) -> str:
        """Return a sentence for the operator: whether access to other projects is on, and its effect."""
        if not self.movable:
            return (
                f"service identity: off; the login is bound to project {self.project}, so only a bucket's own project "
                "can reach it"
            )
        if not self.others:
            return (
                f"service identity: off; user {self.user} has a role on no project but {self.project}, so only a "
                "bucket's own project can reach it"
            )
        return (
            f"service identity: on; user {self.user} has a role on {self.others} projects beside {self.project}, and "
            "can act there for a bucket's owner"
        )


class ScopeMemory:
    """Remembers where the gateway's user can act; `ask` asks Keystone.

    One caller asks at a time.  While that takes, the others have the last answer if there is one, so that a slow
    Keystone delays nobody who has been served before; a failure is remembered for a second.
    """

    def __init__(
        self, ask: Callable[[], Awaitable[ServiceScope]], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._asking = asyncio.Lock()
        self._known: ServiceScope | None = None
        self._failure: BackendError | None = None
        self._until = 0.0  # of what is known, or of the failure

    async def get(self) -> ServiceScope:
        """Return where the user can act, asked some minutes ago at most; raise BackendError where Keystone fails."""
        if self._until <= self._monotonic() and not (self._known is not None and self._asking.locked()):
            async with self._asking:
                if self._until <= self._monotonic():
                    await self._renew()
        if self._known is None:
            assert self._failure is not None
            raise self._failure.with_traceback(None)
        return self._known

    async def _renew(self) -> None:
        try:
            self._known = await self._ask()
        except BackendError as error:
            log.warning("it is not known where the gateway's user can act: %s", error)
            self._failure, keep = error, _FAILED_SECONDS
        else:
            keep = _ENABLED_SECONDS if self._known.enabled else _DISABLED_SECONDS
        self._until = self._monotonic() + keep


class ServiceUser:
    """The gateway's logins on other projects, each made on first use."""

    def __init__(
        self,
        config: CloudConfig,
        http: BlockingSession,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        most: int = _MOST_PROJECTS,
    ) -> None:
        self._config = config
        self._http = http
        self._monotonic = monotonic
        self._most = most
        self._logins: OrderedDict[str, Login] = OrderedDict()
        self._refused: OrderedDict[str, float] = OrderedDict()

    async def login(self, project_id: str) -> Login:
        """Return the login on a project, with a token in it.

        Raises BackendError FORBIDDEN if the user has no role there, UNSUPPORTED if this kind of login cannot be scoped
        to another project, UNAVAILABLE if Keystone does not answer.
        """
        if self._refused.get(project_id, 0.0) > self._monotonic():
            raise _no_role(project_id)
        found = self._logins.get(project_id)
        if found is None:
            if self._config.rescope is None:
                detail = "the gateway's login is bound to the project that it was made for"
                raise BackendError(Fault.UNSUPPORTED, service="identity", detail=detail)
            plugin = self._config.rescope(project_id)
            refused = partial(_no_role, project_id)
            found = Login([plugin], self._http, self._config, monotonic=self._monotonic, refused=refused)
        # Kept before it has a token, so that many callers at once, and those after a failure, share one attempt.
        _keep(self._logins, project_id, found, self._most)
        try:
            await found.token()
        except BackendError as error:
            if error.fault is Fault.FORBIDDEN:
                self._logins.pop(project_id, None)
                _keep(self._refused, project_id, self._monotonic() + _REFUSED_SECONDS, _MOST_REFUSALS)
            raise
        return found

    async def scope(self, session: Session, own: Token) -> ServiceScope:
        """Ask Keystone in which projects the user has a role, inherited ones included."""
        answer = await session.get("identity", "/auth/projects", resource="project")
        others = sum(1 for project in answer.member("projects") if project.get("id") != own.project_id)
        return ServiceScope(own.user_name, own.project_name, others, self._config.rescope is not None)


def _keep(table: OrderedDict[str, Any], key: str, value: object, most: int) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > most:
        table.popitem(last=False)


def _no_role(project_id: str) -> BackendError:
    detail = "the gateway's user has no role on the project"
    return BackendError(
        Fault.FORBIDDEN, service="identity", resource="project", id=project_id[:_LONGEST_NAME], detail=detail
    )
