"""The cloud and the gateway's login there, from clouds.yaml, secure.yaml and `OS_*`, read by openstacksdk's loader.

Reading them makes no network call.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import ssl
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import certifi
import openstack.config
import yaml
from keystoneauth1 import loading
from keystoneauth1.exceptions import ClientException
from keystoneauth1.identity import BaseIdentityPlugin
from openstack.exceptions import ConfigException

log = logging.getLogger(__name__)

# The service types (OpenStack's official ones) that the gateway may look for in a catalog.
SERVICES: Final = ("compute", "network", "block-storage", "image", "object-store", "key-manager", "identity")

# The options that set a login's scope; they are left out to log in with another scope.
_SCOPE: Final = frozenset(
    {
        "project_id",
        "project_name",
        "project_domain_id",
        "project_domain_name",
        "tenant_id",
        "tenant_name",
        "domain_id",
        "domain_name",
        "trust_id",
        "system_scope",
    }
)

# openstacksdk's name for the cloud that `OS_*` describe.
_ENVIRONMENT: Final = "envvars"


class CloudConfigError(Exception):
    """clouds.yaml and the environment do not describe a usable cloud; the text says why, for the operator."""


@dataclass(frozen=True, slots=True)
class CloudConfig:
    """One cloud and the gateway's logins there.

    `project` is keystoneauth's plugin for the configured scope, `system` the same user's on the system scope, or None
    where this kind of login cannot have another scope.  `rescope` makes the same user's plugin for another project from
    its id, and is None likewise.  `endpoints` overrides URLs of the catalog by service type and may hold
    `%(project_id)s`.
    """

    name: str
    auth_url: str
    region: str
    interface: str
    verify: bool | str
    certificate: str | tuple[str, str] | None
    endpoints: Mapping[str, str]
    project: Any = field(repr=False)
    system: Any = field(repr=False)
    login: bytes = field(repr=False)
    rescope: Callable[[str], Any] | None = field(default=None, repr=False)

    def derive_key(self, purpose: str) -> bytes:
        """Return 32 secret bytes that every process with this login computes alike, different for each purpose."""
        return hmac.digest(self.login, purpose.encode(), "sha256")

    def tls(self) -> ssl.SSLContext:
        """Return the TLS context for the cloud: with its own CA if one is configured, else the public ones."""
        context = _trusting(self.verify)
        if isinstance(self.certificate, tuple):
            context.load_cert_chain(*self.certificate)
        elif self.certificate:
            context.load_cert_chain(self.certificate)
        return context


def load(name: str, *, region: str = "", interface: str = "") -> CloudConfig:
    """Return the cloud called `name` in clouds.yaml, or the one of the `OS_*` variables where no file names it.

    Empty `region` and `interface` take what the file says.  Raises CloudConfigError.
    """
    try:
        with warnings.catch_warnings():
            # openstacksdk warns of its own use of deprecated parameters.
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            cloud, found = _found(name, region, interface)
        return _config(cloud, found, region)
    # keystoneauth's plugins raise TypeError for unknown options, the loader AttributeError for a list of clouds.
    except (ConfigException, ClientException, yaml.YAMLError, TypeError, AttributeError) as error:
        raise CloudConfigError(f"cloud {name!r}: {error}") from error


def _found(name: str, region: str, interface: str) -> tuple[str, Any]:
    with _nothing_skipped():
        loader = openstack.config.OpenStackConfig()
    clouds = loader.cloud_config["clouds"]
    cloud = name if name in clouds else _ENVIRONMENT
    if cloud not in clouds:
        searched = loader.config_filename or "clouds.yaml (no such file was found)"
        raise CloudConfigError(f"no cloud {name!r} in {searched}, and no OS_* variables describe one")
    # The loader takes a region only from a list in the file; a region that is merely named there can be overruled.
    listed = region if clouds[cloud].get("regions") else ""
    chosen = {key: value for key, value in {"region_name": listed, "interface": interface}.items() if value}
    return cloud, loader.get_one(cloud=cloud, **chosen)


class _Skipped(logging.Handler):
    """Turns a warning of the loader about a file that is not YAML into an error; the loader only logs it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Raise CloudConfigError."""
        path, error = record.args if isinstance(record.args, tuple) and len(record.args) == 2 else ("", None)
        if isinstance(error, yaml.YAMLError):
            # The error's own text quotes the line, and a password may stand there.
            mark, why = getattr(error, "problem_mark", None), getattr(error, "problem", "")
            raise CloudConfigError(f"{path} cannot be read: line {mark.line + 1 if mark else 1}, {why}")


@contextmanager
def _nothing_skipped() -> Iterator[None]:
    told, handler = logging.getLogger("openstack.config"), _Skipped(logging.WARNING)
    told.addHandler(handler)
    try:
        yield
    finally:
        told.removeHandler(handler)


def problem_with(name: str) -> str:
    """Return why the cloud called `name` cannot be used, or nothing; no service is asked."""
    try:
        load(name).tls()
    except (CloudConfigError, OSError) as error:  # ssl.SSLError is an OSError
        return str(error)
    return ""


def _config(name: str, found: Any, region: str) -> CloudConfig:
    plugin = found.get_auth()
    if not isinstance(plugin, BaseIdentityPlugin):
        raise CloudConfigError(f"cloud {name!r}: auth_type {found.config['auth_type']!r} does not log in to Keystone")
    auth = found.get_auth_args()
    auth_url = auth.get("auth_url")
    if not auth_url:
        raise CloudConfigError(f"cloud {name!r} has no auth_url")
    verify, certificate = found.get_requests_verify_args()
    interface = found.get_interface() or "public"
    overrides = {service: found.get_endpoint(service) for service in SERVICES}
    return CloudConfig(
        name=name,
        auth_url=auth_url.rstrip("/"),
        region=region or found.get_region_name() or "",
        interface=interface if isinstance(interface, str) else interface[0],
        verify=True if verify is None else verify,
        certificate=certificate,
        endpoints={service: url.rstrip("/") for service, url in overrides.items() if url},
        project=plugin,
        system=_system_plugin(found.config["auth_type"], auth),
        rescope=_rescoping(found.config["auth_type"], auth),
        login=hashlib.sha256(json.dumps(auth, sort_keys=True, default=str).encode()).digest(),
    )


def _system_plugin(auth_type: str, auth: Mapping[str, Any]) -> Any:
    """Return a login of the same user with the system scope, or None where that is impossible."""
    return _scoped(auth_type, auth, {"system_scope": "all"})


def _rescoping(auth_type: str, auth: Mapping[str, Any]) -> Callable[[str], Any] | None:
    """Return the function that makes a login of the same user for another project, or None where that is impossible."""
    if _scoped(auth_type, auth, {"project_id": ""}) is None:
        return None
    return lambda project_id: _scoped(auth_type, auth, {"project_id": project_id})


def _scoped(auth_type: str, auth: Mapping[str, Any], scope: Mapping[str, str]) -> Any:
    """Return a login of the same user with another scope, or None where this kind of login cannot have it.

    Keystone: "application credentials are restricted to the project they were made for".
    """
    if "applicationcredential" in auth_type:
        return None
    loader = loading.get_plugin_loader(auth_type)
    known = {option.dest for option in loader.get_options()}
    if not scope.keys() <= known:
        return None
    kept = {name: value for name, value in auth.items() if name in known and name not in _SCOPE}
    return loader.load_from_options(**kept, **scope)


def _trusting(verify: bool | str) -> ssl.SSLContext:
    if verify is False:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if verify is True:
        return ssl.create_default_context(cafile=certifi.where())
    path = Path(str(verify))
    if not path.exists():
        raise CloudConfigError(f"cacert {str(path)!r} does not exist")
    return ssl.create_default_context(capath=str(path)) if path.is_dir() else ssl.create_default_context(cafile=path)
