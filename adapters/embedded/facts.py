"""The endpoints, accounts and credentials of a cloud, for its users."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from adapters.embedded.errors import CloudError
from adapters.embedded.layout import REGION, ZONES, write_private

# Settings of a gateway before an embedded cloud: clients see its zones as `<region>a`, `<region>b` and `<region>c`.
GATEWAY_SETTINGS: Mapping[str, str] = {"PASSERELLE_ZONES": json.dumps([*ZONES])}
SYSTEM = "-system"  # suffix of a cloud in clouds.yaml whose token is scoped to the system, not to a project


@dataclass(frozen=True, slots=True)
class Account:
    """A user and its project. `access` and `secret` are its EC2 credentials, empty for accounts that have none."""

    name: str
    project: str
    user_id: str
    project_id: str
    password: str = field(repr=False)
    access: str = ""
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class CloudFacts:
    """A seeded cloud. `accounts` has admin, passerelle (the gateway's), main, alt, tenant and reader."""

    auth_url: str
    region: str
    ports: Mapping[str, int]
    accounts: Mapping[str, Account]


def save(file: Path, facts: CloudFacts) -> None:
    """Write facts.json."""
    write_private(file, json.dumps(asdict(facts), indent=1) + "\n")


def load(file: Path) -> CloudFacts:
    """Read facts.json; raise CloudError when no `up` has written it yet."""
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):
        raise CloudError(f"{file} is missing: bring the cloud up first") from None
    accounts = {name: Account(**each) for name, each in known["accounts"].items()}
    return CloudFacts(known["auth_url"], known["region"], known["ports"], accounts)


def environment(facts: CloudFacts, who: str) -> dict[str, str]:
    """Return the OS_* variables of an account; `passerelle-system` and `admin-system` give a system-wide scope."""
    name = who.removesuffix(SYSTEM)
    if name not in facts.accounts:
        raise CloudError(f"no account {who!r}; there are {', '.join(facts.accounts)}")
    account = facts.accounts[name]
    scope = {"OS_SYSTEM_SCOPE": "all"} if who != name else {
        "OS_PROJECT_NAME": account.project, "OS_PROJECT_DOMAIN_ID": "default"}  # fmt: skip
    return {
        "OS_AUTH_URL": facts.auth_url,
        "OS_IDENTITY_API_VERSION": "3",
        "OS_REGION_NAME": facts.region,
        "OS_USERNAME": account.name,
        "OS_PASSWORD": account.password,
        "OS_USER_DOMAIN_ID": "default",
        **scope,
    }


def clouds_yaml(facts: CloudFacts) -> str:
    """Return clouds.yaml; strings are written as JSON, which is valid YAML."""
    lines = ["clouds:"]
    for who in (*facts.accounts, f"passerelle{SYSTEM}"):
        account = facts.accounts[who.removesuffix(SYSTEM)]
        auth = {
            "auth_url": facts.auth_url,
            "username": account.name,
            "password": account.password,
            "user_domain_id": "default",
        }
        auth |= {"system_scope": "all"} if who.endswith(SYSTEM) else {
            "project_name": account.project, "project_domain_id": "default"}  # fmt: skip
        lines += [f"  {who}:", "    auth:"]
        lines += [f"      {key}: {json.dumps(value)}" for key, value in auth.items()]
        lines += [f"    region_name: {json.dumps(REGION)}", '    identity_api_version: "3"', "    interface: public"]
    return "\n".join(lines) + "\n"
