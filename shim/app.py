"""The composition root: builds the cloud, the keys, the services, the gateway and its listeners from the settings."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import SecretStr

import shim.ec2
import shim.s3
import shim.sts  # noqa: F401 - importing a service's package registers its actions
from adapters.errors import BackendError
from adapters.openstack import config as clouds
from adapters.openstack.cloud import CloudFactory, Limits
from adapters.openstack.transport import Timeouts
from adapters.ports.keys import SecretKeys
from shim import log
from shim.auth.keys import Keys, Lifetimes
from shim.auth.regions import Regions
from shim.auth.sessions import Sessions
from shim.cache import Cache
from shim.concurrency import Jobs
from shim.config import Settings
from shim.context import Imports
from shim.ec2.engine import errors as ec2_errors
from shim.ec2.service import ec2
from shim.errors import AwsError
from shim.frontend import CrossOrigin, FormHandler, Frontend
from shim.gateway import Gateway
from shim.health import Lifecycle
from shim.http.server import DrainingServer, SideServer, bounds, configuration, listener
from shim.keystore import KeyFile, KeySecrets, KeyStore
from shim.locks import Locks
from shim.metrics import Metrics
from shim.notices.spool import opened
from shim.operator.api import LastRefusals
from shim.operator.application import Sources, operator_app
from shim.protocol.message import Request
from shim.record import Record, current, new_request_id
from shim.refusals import Refusal, Refusals
from shim.s3 import errors as s3_errors
from shim.s3.access import access, cross_origin
from shim.s3.access.own_buckets import OwnBuckets
from shim.s3.access_log.delivery import AccessLog
from shim.s3.objects import post_forms
from shim.s3.service import s3
from shim.sts import errors as sts_errors
from shim.sts.service import sts
from shim.websites.endpoint import Websites
from shim.worker import Worker

_logger = logging.getLogger(__name__)


def _unsigned(_: Request) -> AwsError:
    return AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)


FRONTENDS = {
    "s3": Frontend(
        s3,
        s3_errors.translate,
        s3_errors.unsigned,
        buffered=False,
        form_handler=FormHandler(post_forms.is_post_form, post_forms.open_form),
        cross_origin=CrossOrigin(cross_origin.preflight, cross_origin.headers),
        authorise=access.authorise,
    ),
    "ec2": Frontend(ec2, lambda error, operation, _: ec2_errors.translate(error, operation), _unsigned, buffered=True),
    "sts": Frontend(sts, lambda error, _, __: sts_errors.translate(error), _unsigned, buffered=True),
}

_ASK_AGAIN_SECONDS = 60.0

SERVICES = tuple(frontend.service for frontend in FRONTENDS.values())


async def serve(
    settings: Settings, announce: Callable[[str, str], None], *, operator_socket: socket.socket | None = None
) -> None:
    """Serve until a signal ends it; call `announce` with the name and the URL of each listener that is ready.

    `operator_socket` is a listening socket for the operator's side, in place of the metrics listener.

    Raises CloudConfigError where the cloud is not configured, OSError where a port is taken.  Serving starts while the
    cloud is down too: requests are answered 503 until it is up.
    """
    main = listener(settings.host, settings.port, reuse_port=settings.reuse_port)
    lifecycle = Lifecycle(settings.disable_file)
    metrics = Metrics()
    async with gateway(settings, metrics, lifecycle) as (app, side):
        admission = bounds(settings, metrics.slow_downs)
        metrics.connections.read, metrics.unsigned_bytes.read = lambda: admission.open, lambda: admission.held
        config = configuration(app, settings, tls=True, admission=admission)
        server = DrainingServer(config, lifecycle, settings.drain_seconds)
        task: asyncio.Task[None] | None = None
        side_server: uvicorn.Server | None = None
        if operator_socket is None and settings.metrics_port is not None:
            operator_socket = listener(settings.metrics_host, settings.metrics_port)
            announce("metrics", url("http", settings.metrics_host, operator_socket.getsockname()[1]))
        if operator_socket is not None:
            side_server = SideServer(configuration(side, settings, tls=False))
            task = asyncio.create_task(side_server.serve([operator_socket]))
        announce(
            "listening", url("https" if settings.tls_certificate else "http", settings.host, main.getsockname()[1])
        )
        await server.serve([main])
        if side_server is not None and task is not None:
            side_server.should_exit = True
            await task


@asynccontextmanager
async def gateway(settings: Settings, metrics: Metrics, lifecycle: Lifecycle) -> AsyncIterator[tuple[Gateway, Any]]:
    """Build the gateway and the operator's application beside it, connected to the configured cloud."""
    config = clouds.load(settings.cloud, region=settings.region, interface=settings.interface)
    factory = await CloudFactory.open(config, _limits(settings), upstream_observer(metrics))
    locks = Locks(settings.coordination_url or f"file://{lock_files(settings)}")
    await locks.start()
    key = settings.page_token_key.get_secret_value() or config.derive_key("page tokens").hex()
    worker, refusals = Worker(), Refusals()
    region = region_of(config, settings)
    settings = settings.model_copy(update={"page_token_key": SecretStr(key), "region": region})
    side = operator_app(
        Sources(
            lifecycle=lifecycle,
            ready=factory.identity.ready,
            metrics=metrics.registry,
            settings=settings,
            services=SERVICES,
            refusals=_last_refusals(refusals),
        )
    )
    access_log, jobs, uploads = AccessLog(settings.access_log_seconds), Jobs(), Jobs()
    notices = opened(settings, metrics.notification)
    app = (Websites if settings.s3_website_hosts else Gateway)(
        frontends=FRONTENDS,
        tenants=factory,
        credentials=_keys(factory, settings, metrics, _sessions(config, settings)),
        locks=locks,
        cache=Cache(total_bytes=settings.cache_bytes, lookups=metrics.cache_lookups),
        worker=worker,
        keys=_key_store(factory, settings),
        notices=notices,
        imports=Imports(OwnBuckets(access_log.note), jobs, uploads, {}),
        settings=settings,
        regions=Regions(region, settings.region_names, factory.other_regions),
        observe=_call_observer(metrics, refusals),
        side=side,
        served=access_log.note,
    )
    metrics.in_flight.read = lambda: app.in_flight
    wanted = frozenset(settings.s3_storage_classes.values())
    telling = [asyncio.create_task(tell) for tell in (_log_service_scope(factory), _log_object_store(factory, wanted))]
    try:
        async with aclosing(notices) if notices else nullcontext(), access_log, aclosing(jobs), aclosing(uploads):
            yield app, side
    finally:
        for task in telling:
            task.cancel()
        worker.close()
        await locks.stop()
        await factory.aclose()


def _key_store(factory: CloudFactory, settings: Settings) -> KeyStore | None:
    """Return the key store of SSE-S3; raise KeyStoreError for a file that cannot be used."""
    file = KeyFile(settings.sse_key_file.expanduser()) if settings.sse_key_file else None
    if not settings.sse_key_secret:
        return file

    async def manager() -> SecretKeys:
        return (await factory.own(new_request_id())).key_manager

    return KeySecrets(settings.sse_key_secret, manager, file)


def region_of(config: clouds.CloudConfig, settings: Settings) -> str:
    """Return the name of the cloud's region; one without a name is called as AWS's tools call theirs by default."""
    return config.region or next(iter(settings.region_names), "us-east-1")


def _limits(settings: Settings) -> Limits:
    timeouts = Timeouts(settings.upstream_connect_seconds, settings.upstream_timeout_seconds)
    return Limits(timeouts, settings.object_idle_seconds, project_calls=settings.account_calls)


def _sessions(config: clouds.CloudConfig, settings: Settings) -> Sessions:
    return Sessions(settings.session_key.get_secret_value().encode() or config.derive_key("session tokens"))


def _keys(factory: CloudFactory, settings: Settings, metrics: Metrics, sessions: Sessions) -> Keys:
    return Keys(
        factory.identity,
        Lifetimes(
            credential=settings.credential_ttl_seconds,
            token=settings.token_ttl_seconds,
            miss=settings.credential_miss_ttl_seconds,
            size=settings.credential_cache_size,
            unknown_per_second=settings.unknown_keys_per_second,
        ),
        clock=time.monotonic,
        lookups=metrics.cache_lookups,
        sessions=sessions,
        owned=factory.identity,
    )


def upstream_observer(metrics: Metrics) -> Callable[[str, str, int, float], None]:
    """Return the function that counts one OpenStack call, for the metrics and for the AWS call that made it."""

    def observe(service: str, method: str, status: int, seconds: float) -> None:
        metrics.upstream(service, method, status, seconds)
        record = current.get()
        if record is not None:
            record.upstream_calls += 1
            record.upstream_seconds += seconds

    return observe


def _call_observer(metrics: Metrics, refusals: Refusals) -> Callable[[Record], None]:
    """Return the function that counts a finished call, writes its log line and, if it was refused, keeps it."""

    def observe(record: Record) -> None:
        metrics.call(record)
        log.write_call(record)
        if record.code:
            refusals.note(record)

    return observe


_ROUTES_ONLY = "routers do not translate; only instances with a public address reach the internet"
_TRANSLATES = (
    "degraded; the gateway's user sees no router, so routers translate and instances without a public address reach "
    "the internet too (docs/running.md)"
)


async def _log_service_scope(factory: CloudFactory) -> None:
    """Log once whether the service identity is on; while the cloud is down, ask it again each minute."""
    while True:
        try:
            scope = await factory.service_scope()
        except BackendError as error:
            _logger.warning("service identity: not known yet, as Keystone could not be asked (%s)", error.fault.value)
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
        else:
            _logger.info("%s", scope.summary())
            break
    try:
        granted = await factory.sees_routers()
    except BackendError as error:
        _logger.warning("internet gateways: not known yet, as Neutron could not be asked (%s)", error.fault.value)
    else:
        _logger.info("internet gateways: %s", _ROUTES_ONLY if granted else _TRANSLATES)


async def _log_object_store(factory: CloudFactory, policies: Collection[str]) -> None:
    """Log once, by its name, what the object store lacks; while the cloud is down, ask it again each minute."""
    while True:
        try:
            lacking = await factory.store_lacks(policies)
        except BackendError as error:
            _logger.warning("object store: not known yet, as it could not be asked (%s)", error.fault.value)
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
        else:
            for sentence in lacking:
                _logger.warning("the object store %s", sentence)
            return


def _last_refusals(refusals: Refusals) -> LastRefusals:
    """Return the function that reads the refusals of this process."""

    async def last(account: str | None) -> Sequence[Refusal]:
        return refusals.last(account)

    return last


def lock_files(settings: Settings) -> Path:
    """Return the directory of the locks that processes on one machine share, after making it."""
    path = settings.state_dir.expanduser() / "locks"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path.resolve()


def url(scheme: str, host: str, port: int) -> str:
    """Return the URL of a listener."""
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
