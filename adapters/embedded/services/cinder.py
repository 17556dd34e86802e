"""Cinder: API, scheduler and volume service in one process, so that RPC stays in memory."""

from pathlib import Path
from typing import Any

from .settings import port
from .web import serve

BACKEND = "file"


def configure(etc: Path) -> Any:
    """Read cinder.conf and set up what every Cinder command sets up before it starts a service."""
    import os_brick
    from cinder import coordination, objects, rpc, version
    from cinder.common import config
    from oslo_config import cfg
    from oslo_log import log

    options = cfg.CONF
    objects.register_all()
    options(
        [],
        project="cinder",
        version=version.version_string(),
        default_config_files=[str(etc / "cinder/cinder.conf")],
    )
    log.setup(options, "cinder")
    config.set_middleware_defaults()
    os_brick.setup(options)
    coordination.COORDINATOR.start()
    rpc.init(options)
    return options


def start_workers(options: Any) -> list[Any]:
    """Start the scheduler, then the volume service of the one backend."""
    from cinder import service
    from cinder.common import constants
    from oslo_config import cfg

    scheduler = service.Service.create(binary=constants.SCHEDULER_BINARY)
    scheduler.start()
    options.register_opt(cfg.StrOpt("backend_host"), group=BACKEND)
    volume = service.Service.create(
        host=f"{options.host}@{BACKEND}", service_name=BACKEND, binary=constants.VOLUME_BINARY, coordination=True
    )
    volume.start()
    return [scheduler, volume]


def main(etc: Path) -> None:
    """Serve the API."""
    options = configure(etc)
    from oslo_service import wsgi

    workers = start_workers(options)
    serve({port(etc, "cinder"): wsgi.Loader(options).load_app(name="osapi_volume")})
    del workers
