"""Writes INI files from tables, and has the tables that all OpenStack services share."""

from collections.abc import Mapping

from adapters.embedded.layout import HOST, REGION, ZONES
from adapters.embedded.plan import Plan

Section = Mapping[str, object]

FIRST_HOST = next(iter(ZONES.values()))  # where all services run but the computes of the other zones
CACHE_KEY = "passerelle.cache"  # the WSGI environ key under which services.web puts the token cache


def text(sections: Mapping[str, Section]) -> str:
    """Return sections as INI text; booleans are written in lower case."""
    lines: list[str] = []
    for name, options in sections.items():
        lines.append(f"[{name}]")
        lines += [
            f"{key} = {str(value).lower() if isinstance(value, bool) else value}" for key, value in options.items()
        ]
        lines.append("")
    return "\n".join(lines)


def login(plan: Plan, user: str) -> Section:
    """Return keystoneauth's options of a service user."""
    return {
        "auth_type": "password",
        "auth_url": plan.keystone,
        "username": user,
        "password": plan.passwords[user],
        "user_domain_name": "Default",
        "project_name": "service",
        "project_domain_name": "Default",
        "region_name": REGION,
    }


def token_check(plan: Plan, user: str) -> Section:
    """Return keystonemiddleware's options: check tokens as `user`, cache them in the process."""
    return {
        "www_authenticate_uri": plan.keystone,
        "service_token_roles": "service",
        "service_token_roles_required": True,
        "cache": CACHE_KEY,
        **login(plan, user),
    }


def default(plan: Plan, service: str, **more: object) -> Section:
    """Return a service's [DEFAULT]: it logs to stderr, and its RPC stays in the process."""
    return {
        "use_stderr": True,
        "transport_url": "fake:///",
        "state_path": plan.place.root / service,
        "host": FIRST_HOST,
        "my_ip": HOST,
        **more,
    }


def database(plan: Plan, name: str) -> Section:
    """Return a database section."""
    return {"connection": f"sqlite:///{plan.place.database(name)}"}


def shared(plan: Plan) -> dict[str, Section]:
    """Return the sections that every service needs: the lock directory, and notifications switched off."""
    return {
        "oslo_concurrency": {"lock_path": plan.place.root / "lock"},
        "oslo_messaging_notifications": {"driver": "noop"},
    }
