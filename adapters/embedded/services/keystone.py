"""Keystone: bootstraps itself at every start, which completes a bootstrap that a crash interrupted, then serves."""

import os
from pathlib import Path

from .settings import settings
from .web import serve


def bootstrap(etc: Path) -> None:
    """Create the first account, the basic roles, the region and Keystone's own catalog entry, if missing."""
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

    `RBACEnforcer._enforcer` publishes the enforcer before it registers the rules, on the first request that has a rule.
    A concurrent second request finds no rule and answers 403. When four services check a token with a new Keystone at
    the same time, three get 403 and answer 401 or 503. (Nova had the same fault, and now publishes its enforcer when it
    is complete: `nova.policy.init`.)
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
