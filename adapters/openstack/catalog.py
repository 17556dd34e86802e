"""Turns Keystone's answer about a token into a `Token`: the user, the project, and the URLs of the services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keystoneauth1.exceptions import CatalogException

from adapters.openstack.config import SERVICES, CloudConfig
from adapters.types.identity import Token


def token_from(access: Any, config: CloudConfig) -> Token:
    """Return keystoneauth's `AccessInfo` as a token, with the catalog of the configured region and interface.

    Scopes other than a project leave the project's id and name empty.
    """
    project_id = access.project_id or ""
    return Token(
        id=access.auth_token,
        expires_at=access.expires,
        user_id=access.user_id,
        user_name=access.username or "",
        project_id=project_id,
        project_name=access.project_name or "",
        domain_id=access.user_domain_id or "",
        roles=frozenset(access.role_names),
        catalog=_catalog(access, config, project_id),
    )


def other_regions(access: Any, config: CloudConfig) -> frozenset[str]:
    """Return the case-folded names of the catalogue's regions other than the gateway's own.

    Where the configuration names no region, the gateway's own is not known, and the set is empty.
    """
    if not config.region:
        return frozenset()
    endpoints = (endpoint for service in access.service_catalog.catalog for endpoint in service.get("endpoints", ()))
    # Older answers name the region in `region` alone (Keystone API v3, "Catalog").
    names = {name.casefold() for one in endpoints if (name := one.get("region_id") or one.get("region"))}
    return frozenset(names - {config.region.casefold()})


def _catalog(access: Any, config: CloudConfig, project_id: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for service in SERVICES:
        url = config.endpoints.get(service) or _url(access, config, service)
        if url:
            found[service] = url.replace("%(project_id)s", project_id).replace("%(tenant_id)s", project_id).rstrip("/")
    return found


def _url(access: Any, config: CloudConfig, service: str) -> str | None:
    """Return the URL of a service, which a catalog may list under an older name (Cinder: volumev3)."""
    try:
        url: str | None = access.service_catalog.url_for(
            service_type=service, interface=config.interface, region_name=config.region or None
        )
    except CatalogException:
        return None
    except ValueError:
        # keystoneauth raises this where a catalogue has a service under several names, and none of them in this region.
        return None
    return url
