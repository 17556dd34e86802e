"""Serves several WSGI applications with threads in one process."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import waitress

from .cache import Cache

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

HOST = "127.0.0.1"
CACHE_KEY = "passerelle.cache"  # [keystone_authtoken] cache names it


def with_cache(application: Wsgi, cache: Cache) -> Wsgi:
    """Put the token cache into each request's environ, where keystonemiddleware looks for it."""

    def wrapped(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ[CACHE_KEY] = cache
        return application(environ, start_response)

    return wrapped


def serve(applications: Mapping[int, Wsgi], threads: int = 8) -> None:
    """Serve {port: application} until the process ends."""
    cache = Cache()
    for port, application in applications.items():
        server = waitress.create_server(
            with_cache(application, cache),
            host=HOST,
            port=port,
            threads=threads,
            map={},  # separate, so that the process's servers do not share one event loop
            ident=None,
            max_request_body_size=1 << 40,  # images
            connection_limit=1000,
            backlog=1024,
            channel_timeout=600,
            clear_untrusted_proxy_headers=True,
        )
        threading.Thread(target=server.run, daemon=True, name=f"http-{port}").start()
    threading.Event().wait()
