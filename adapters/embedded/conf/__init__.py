"""Configuration files of the OpenStack services: pure functions from a plan to texts."""

import hashlib
from collections.abc import Mapping

from adapters.embedded.conf import barbican, cinder, identity, image, network, nova, placement, swift
from adapters.embedded.layout import OVN
from adapters.embedded.plan import Plan

# Service → the files it reads. A service is restarted when one of its files has changed since its start.
RENDERERS = {
    "keystone": identity.files,
    "placement": placement.files,
    "glance": image.files,
    "neutron": network.files,
    "nova": nova.files,
    "cinder": cinder.files,
    "barbican": barbican.files,
    "swift": swift.proxy_files,
    "swift-storage": swift.storage_files,
}


def render(plan: Plan) -> dict[str, dict[str, str]]:
    """Return every service's files as {service: {path under etc: text}}."""
    own: dict[str, dict[str, str]] = {OVN: {}} if plan.network == OVN else {}  # it reads nothing but cloud.json
    return {service: files(plan) for service, files in RENDERERS.items()} | own


def signature(files: Mapping[str, str], packages: str) -> str:
    """Return a digest of a configuration and the packages that read it (`packages` is the installed lock's digest)."""
    digest = hashlib.sha256(packages.encode())
    for name, text in sorted(files.items()):
        digest.update(f"\0{name}\0{text}".encode())
    return digest.hexdigest()[:16]
