"""Functions that Swift's configuration files refer to."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from ..cache import Cache
from ..web import Environ, Wsgi


def log_to_stderr(
    conf: object, name: str, log_to_console: bool, log_route: str, fmt: str, logger: logging.Logger, adapted: object
) -> None:
    """Send the log to stderr (a `log_custom_handlers` hook): Swift itself supports only syslog."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(f"%(asctime)s {fmt or '%(message)s'}"))
    logger.addHandler(handler)


def cache_filter(global_conf: object, **local_conf: str) -> Callable[[Wsgi], Wsgi]:
    """Return the `cache` filter for a single proxy process."""
    cache = Cache()

    def wrap(application: Wsgi) -> Wsgi:
        def cached(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            environ["swift.cache"] = cache
            return application(environ, start_response)

        return cached

    return wrap
