"""Placement's configuration."""

from adapters.embedded.conf.ini import database, default, shared, text, token_check
from adapters.embedded.plan import Plan


def files(plan: Plan) -> dict[str, str]:
    """Return placement.conf."""
    sections = {
        "DEFAULT": default(plan, "placement"),
        "placement_database": database(plan, "placement"),
        "api": {"auth_strategy": "keystone"},
        "keystone_authtoken": token_check(plan, "placement"),
        **shared(plan),
    }
    return {"placement/placement.conf": text(sections)}
