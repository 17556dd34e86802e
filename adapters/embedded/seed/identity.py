"""Creates the accounts and the catalog. Each is looked up first, so that an interrupted seed can be completed."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from adapters.embedded.facts import Account, CloudFacts
from adapters.embedded.layout import REGION
from adapters.embedded.plan import CATALOG, Plan
from adapters.embedded.rest import Json, Session, log_in, token
from adapters.embedded.secrets_file import SERVICE_USERS

ROLES = ("admin", "member", "reader", "service", "ResellerAdmin", "swiftoperator")
PROJECTS = ("admin", "service", "main", "alt", "tenant")
INTERFACES = ("public", "internal", "admin")

# User → (project, roles there). `passerelle` is the gateway's user, which is also one of SYSTEM_READERS.
USERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    **dict.fromkeys(SERVICE_USERS, ("service", ("admin", "service"))),
    "passerelle": ("service", ("service", "member")),  # member: for keys of its own in Barbican
    "main": ("main", ("member",)),
    "alt": ("alt", ("member",)),
    "tenant": ("tenant", ("member",)),
    "reader": ("main", ("reader",)),
}
# Keystone's default policy lets readers of the system scope read stored credentials, as checking a signature requires.
SYSTEM_READERS = ("passerelle",)
# The gateway's only role in the projects of others. Swift's operator_roles include it and no other service's policy
# names it; every project of the domain inherits it.
INHERITED = {"passerelle": "swiftoperator"}
EC2_USERS = ("main", "alt", "tenant", "reader")
PUBLISHED = ("admin", "passerelle", *EC2_USERS)


def seed(plan: Plan) -> CloudFacts:
    """Create missing roles, projects, users, grants, endpoints and EC2 credentials; return the facts for users."""
    admin = Session(plan.keystone, token(plan.keystone, "admin", plan.passwords["admin"], "admin"))
    roles = ensure_named(admin, "roles", {name: {} for name in ROLES})
    projects = ensure_named(admin, "projects", {name: {"domain_id": "default"} for name in PROJECTS})
    users = ensure_named(
        admin,
        "users",
        {
            name: {"domain_id": "default", "password": plan.passwords[name], "default_project_id": projects[project]}
            for name, (project, _) in USERS.items()
        },
    )
    grant(admin, roles, projects, users)
    write_catalog(plan, admin)
    with ThreadPoolExecutor(2) as pool:
        keys = dict(zip(EC2_USERS, pool.map(lambda name: ec2_credentials(plan, admin, name), EC2_USERS), strict=True))
    users |= {"admin": user_id(admin, "admin")}
    accounts = {}
    for name in PUBLISHED:
        project = USERS[name][0] if name in USERS else "admin"
        access, secret = keys.get(name, ("", ""))
        accounts[name] = Account(
            name, project, users[name], projects[project], plan.passwords[name], access=access, secret=secret
        )
    return CloudFacts(plan.keystone, REGION, dict(plan.ports), accounts)


def ensure_named(admin: Session, kind: str, wanted: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Create what is missing of {name: attributes} in /v3/`kind`; return {name: id}."""
    ids = {each["name"]: str(each["id"]) for each in admin.get(f"/{kind}")[kind] if each["name"] in wanted}
    for name, attributes in wanted.items():
        if name not in ids:
            body = {kind.removesuffix("s"): {"name": name, **attributes}}
            ids[name] = str(admin.post(f"/{kind}", body)[kind.removesuffix("s")]["id"])
    return ids


def user_id(admin: Session, name: str) -> str:
    """Return the id of a user of the default domain."""
    return str(admin.get(f"/users?name={name}&domain_id=default")["users"][0]["id"])


def grant(admin: Session, roles: Mapping[str, str], projects: Mapping[str, str], users: Mapping[str, str]) -> None:
    """Grant the roles that are missing."""
    assigned = {
        (each["user"]["id"], next(iter(each["scope"].values())).get("id", "all"), each["role"]["id"])
        for each in admin.get("/role_assignments")["role_assignments"]
        if "user" in each
    }
    for name, (project, names) in USERS.items():
        for role in names:
            if (users[name], projects[project], roles[role]) not in assigned:
                admin.put(f"/projects/{projects[project]}/users/{users[name]}/roles/{roles[role]}")
    for name in SYSTEM_READERS:
        admin.put(f"/system/users/{users[name]}/roles/{roles['reader']}")
    for name, role in INHERITED.items():
        place = f"/OS-INHERIT/domains/default/users/{users[name]}/roles/{roles[role]}"
        admin.put(f"{place}/inherited_to_projects")


def write_catalog(plan: Plan, admin: Session) -> None:
    """Write the services' current addresses into the catalog."""
    services = {each["type"]: each["id"] for each in admin.get("/services")["services"]}
    endpoints = {(each["service_id"], each["interface"]): each for each in admin.get("/endpoints")["endpoints"]}
    for name, kind, port, path in CATALOG:
        if kind not in services:
            services[kind] = admin.post("/services", {"service": {"name": name, "type": kind}})["service"]["id"]
        for interface in INTERFACES:
            known = endpoints.get((services[kind], interface))
            ensure_endpoint(admin, known, {
                "service_id": services[kind], "interface": interface, "url": plan.url(port, path), "region_id": REGION,
            })  # fmt: skip


def ensure_endpoint(admin: Session, known: Json, wanted: Mapping[str, str]) -> None:
    """Create an endpoint, or correct its URL."""
    if known is None:
        admin.post("/endpoints", {"endpoint": wanted})
    elif known["url"] != wanted["url"]:
        admin.patch(f"/endpoints/{known['id']}", {"endpoint": {"url": wanted["url"]}})


def ec2_credentials(plan: Plan, admin: Session, name: str) -> tuple[str, str]:
    """Return a user's EC2 credentials for its project. A reader may not create them, so the admin creates those."""
    answer = log_in(plan.keystone, name, plan.passwords[name], USERS[name][0])
    user, project = answer.body["token"]["user"]["id"], answer.body["token"]["project"]["id"]
    own = Session(plan.keystone, answer.headers["x-subject-token"])
    path = f"/users/{user}/credentials/OS-EC2"
    known = [each for each in own.get(path)["credentials"] if each["tenant_id"] == project]
    maker = admin if "reader" in USERS[name][1] else own
    pair = known[0] if known else maker.post(path, {"tenant_id": project})["credential"]
    return str(pair["access"]), str(pair["secret"])
