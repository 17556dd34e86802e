"""The cloud: the connections that all requests share, and the cloud of one tenant for one request."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

from adapters.errors import BackendError, Fault
from adapters.openstack.barbican.barbican import Barbican
from adapters.openstack.cinder.cinder import Cinder
from adapters.openstack.config import CloudConfig
from adapters.openstack.discovery import KeystoneauthDiscovery
from adapters.openstack.glance.glance import Glance
from adapters.openstack.keystone.keystone import Keystone
from adapters.openstack.keystone.login import Login, blocking_session
from adapters.openstack.keystone.service_user import ScopeMemory, ServiceScope, ServiceUser
from adapters.openstack.neutron.neutron import Neutron
from adapters.openstack.nova.nova import Nova
from adapters.openstack.session import Session
from adapters.openstack.swift import info
from adapters.openstack.swift.cache import SwiftCache
from adapters.openstack.swift.contained import ContainedSwift
from adapters.openstack.swift.http import SwiftHttp
from adapters.openstack.swift.pool import SwiftPool
from adapters.openstack.swift.swift import Swift
from adapters.openstack.transport import Answer, Endpoint, Observer, Timeouts, Transport
from adapters.ports.identity import TokenSource
from adapters.types.identity import Token

log = logging.getLogger(__name__)

_SWIFT = "object-store"
_BARBICAN = "key-manager"

# The longest that a login waits for one answer; it runs in a thread, which cannot be cancelled.
_LOGIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long OpenStack may take, in seconds, and how many connections one process opens to it.

    `project_calls` is how many control calls of one project may run at one service at a time.
    """

    timeouts: Timeouts = field(default_factory=Timeouts)
    object_idle_seconds: float = 60.0
    control_connections: int = 200
    object_connections: int = 1000
    project_calls: int = 16


class CloudFactory:
    """What all requests of one process share: connection pools, the gateway's logins, discovered endpoints.

    `login` is the gateway's own user on its own project.
    `calls` counts the calls made, Swift's too, by (service, method, status); status 0 where no answer came.
    """

    def __init__(self, config: CloudConfig, transport: Transport, objects: SwiftPool) -> None:
        session = blocking_session(config, _LOGIN_SECONDS)
        project = Login([config.project], session, config)
        # A user without the system scope may be an admin of the project, and Keystone lets an admin read credentials.
        plugins = [plugin for plugin in (config.system, config.project) if plugin is not None]
        system = Login(plugins, session, config) if config.system is not None else project
        self.config = config
        self.region = config.region
        self.identity = Keystone(transport, config, project=project, system=system)
        self._transport = transport
        self._objects = objects
        self._cache = SwiftCache()
        self.login = project
        self._logins = (project, system)
        self._service_user = ServiceUser(config, session)
        self._scope = ScopeMemory(self.service_scope)

    @classmethod
    async def open(cls, config: CloudConfig, limits: Limits | None = None, observe: Observer | None = None) -> Self:
        """Make the pools in the running event loop.  No call is made yet, as the cloud may be down.

        `observe` is called for each call with service, method, status (0 without an answer), seconds until its answer
        began.
        """
        limits = limits or Limits()
        tls = config.tls()
        if config.verify is False:
            log.warning("cloud %s: certificates are not checked, as clouds.yaml says", config.name)
        transport = Transport(
            # Version documents are small, so the time to connect is enough for them.
            KeystoneauthDiscovery(blocking_session(config, limits.timeouts.connect)),
            timeouts=limits.timeouts,
            tls=tls,
            observe=observe,
            connections=limits.control_connections,
            each=limits.project_calls,
        )
        objects = SwiftPool(limits.object_idle_seconds, tls=tls, connections=limits.object_connections, count=observe)
        return cls(config, transport, objects)

    def tenant(self, tokens: TokenSource, token: Token, request_id: str) -> OpenStackCloud:
        """Return one tenant's cloud for one request; nothing is sent.  `token` is the tenant's current token."""
        return OpenStackCloud(self, tokens, token, request_id)

    async def service(self, project_id: str, request_id: str, *, contained: bool = False) -> OpenStackCloud:
        """Return a project's cloud with the token of the gateway's own user, for one request.

        It serves what no caller's token can: buckets for callers who do not own them, and work without a caller.
        A `contained` one reads no symbolic links and no dynamic large objects.
        Raises BackendError FORBIDDEN where the operator has granted the user no role on the project, UNSUPPORTED where
        this kind of login cannot be scoped to another project.
        """
        login = await self._service_user.login(project_id)
        cloud = OpenStackCloud(self, login, await login.token(), request_id)
        if contained:
            cloud.store = ContainedSwift
        return cloud

    async def shared(self, request_id: str) -> OpenStackCloud | None:
        """Return the cloud of the gateway's own project; None if its user can act in no other project.

        Where it can act is asked again after some minutes.  Raises BackendError where Keystone fails.
        """
        if self.config.rescope is None:
            return None
        if not (await self._scope.get()).enabled:
            return None
        return await self.own(request_id)

    async def own(self, request_id: str) -> OpenStackCloud:
        """Return the cloud of the gateway's own project, for one request."""
        return OpenStackCloud(self, self.login, await self.login.token(), request_id)

    async def service_scope(self) -> ServiceScope:
        """Ask Keystone in which projects the gateway's own user can act; raise BackendError where Keystone fails."""
        own = await self.login.token()
        return await self._service_user.scope(self.session(self.login, str(uuid.uuid4())), own)

    async def project_ids(self) -> list[str]:
        """List the ids of the cloud's projects, with the gateway's own user."""
        return await self.identity.project_ids()

    async def store_lacks(self, policies: Iterable[str] = ()) -> list[str]:
        """Ask the object store what it lacks, and return a sentence for each; none where the cloud has no such service.

        `policies` are the storage policies that are wanted.  Raises BackendError where it cannot be asked.
        """
        cloud = await self.own(str(uuid.uuid4()))
        return info.lacks(await cloud.objects.limits(), policies) if cloud.has_objects else []

    async def sees_routers(self) -> bool:
        """Tell whether Neutron shows the gateway's own user the routers of projects, as policy.yaml grants."""
        own = await self.own(str(uuid.uuid4()))
        return bool(await own.network.routers())

    async def endpoint(self, token: Token, service: str) -> Endpoint:
        """Return the endpoint of a service in a token's catalog; raise BackendError where it cannot be asked."""
        return await self._transport.discovery.endpoint(service, token.catalog[service], token.project_id)

    async def get(self, service: str, url: str, headers: Mapping[str, str]) -> Answer:
        """GET a URL as it is, and return any answer; raise BackendError UNAVAILABLE when there is none."""
        return await self._transport.send(service, "GET", url, dict(headers), None)

    def other_regions(self) -> frozenset[str]:
        """Return the case-folded names of the catalogue's regions that are not the gateway's own.

        They are known from the gateway's own login, which comes before any client's secret can be read.
        """
        project, system = self._logins
        return project.other_regions | system.other_regions

    def session(self, tokens: TokenSource, request_id: str) -> Session:
        """Return the session of one request's control calls."""
        return Session(self._transport, tokens, request_id)

    def swift(self, tokens: TokenSource, token: Token, request_id: str, kind: type[Swift] = Swift) -> Swift:
        """Return the object store of a token's project; raise BackendError UNSUPPORTED where the cloud has none."""
        url = token.catalog.get(_SWIFT)
        if not url:
            raise BackendError(Fault.UNSUPPORTED, service=_SWIFT, detail="the cloud's catalog has no such service")
        return kind(self._objects, url, tokens, request_id, self._cache, token)

    def swift_http(self, url: str, request_id: str) -> SwiftHttp:
        """Return what sends single requests to the gateway's own account at this URL, for `passerelle doctor`."""
        return SwiftHttp(self._objects, url, self.login, request_id)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()
        await self._objects.aclose()


class OpenStackCloud:
    """`adapters.ports.cloud.Cloud`: the ports, each made when first asked for."""

    store: type[Swift] = Swift
    _objects: Swift | None = None

    def __init__(self, factory: CloudFactory, tokens: TokenSource, token: Token, request_id: str) -> None:
        self._factory = factory
        self._tokens = tokens
        self._token = token
        self._request_id = request_id

    @property
    def project_name(self) -> str:
        """Return the name of the project."""
        return self._token.project_name

    @cached_property
    def _session(self) -> Session:
        return self._factory.session(self._tokens, self._request_id)

    @cached_property
    def compute(self) -> Nova:
        """Nova."""
        return Nova(self._session)

    @cached_property
    def network(self) -> Neutron:
        """Neutron."""
        return Neutron(self._session)

    @cached_property
    def block(self) -> Cinder:
        """Cinder."""
        return Cinder(self._session)

    @cached_property
    def images(self) -> Glance:
        """Glance."""
        return Glance(self._session)

    @cached_property
    def key_manager(self) -> Barbican:
        """Barbican."""
        return Barbican(self._session, available=bool(self._token.catalog.get(_BARBICAN)))

    @property
    def has_objects(self) -> bool:
        """Return whether the cloud has an object store."""
        return bool(self._token.catalog.get(_SWIFT))

    @property
    def objects(self) -> Swift:
        """Swift."""
        found = self._objects
        if found is None:  # cached_property would take a lock, which small object requests would feel
            found = self._objects = self._factory.swift(self._tokens, self._token, self._request_id, self.store)
        return found
