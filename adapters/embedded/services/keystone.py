"""Keystone: bootstraps itself at every start (which repairs what a crash left half done), then serves."""

import os
from pathlib import Path

from .settings import settings
from .web import serve


def bootstrap(etc: Path) -> None:
    """Make sure of the first account, the basic roles, the region and Keystone's own catalog entry."""
    from keystone.cmd.bootstrap import Bootstrapper
    from keystone.server import backends

    known = settings(etc)
    backends.load_backends = dict  # the application has loaded them, and they cannot be loaded twice
    first = Bootstrapper()
    first.admin_username = first.project_name = first.admin_role_name = "admin"
    first.admin_password = known["admin_password"]
    first.region_id = known["region"]
    first.service_name = "keystone"
    first.public_url = first.internal_url = first.admin_url = known["keystone"]
    first.bootstrap()


def load_policy() -> None:
    """Register the rules of Keystone's policy before any request comes.

    `RBACEnforcer._enforcer` publishes the enforcer first and registers the rules after that, on the first request that
    has a rule. A second request at the same time finds no rule and answers 403. When four services check a token with
    a new Keystone at once, three are told that they may not, and pass that on as 401 or 503. (Nova had the same fault,
    and publishes its enforcer when it is complete: `nova.policy.init`.)
    """
    from keystone.common.rbac_enforcer.enforcer import RBACEnforcer

    RBACEnforcer()._enforcer.load_rules()  # noqa: SLF001 - there is no public name for it


def main(etc: Path) -> None:
    """Serve the identity API."""
    os.environ["OS_KEYSTONE_CONFIG_DIR"] = str(etc / "keystone")
    from keystone.wsgi.api import application

    bootstrap(etc)
    load_policy()
    serve({settings(etc)["ports"]["keystone"]: application})
