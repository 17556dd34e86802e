"""Makes projects with a user and an access key of their own, and removes them with everything in them."""

from __future__ import annotations

import contextlib
import secrets
import threading
from dataclasses import dataclass, field
from typing import Any

from keystoneauth1.exceptions import ClientException
from keystoneauth1.session import Session
from openstack.config import OpenStackConfig
from openstack.connection import Connection

from pytest_passerelle.account import Account
from pytest_passerelle.clearing import clear

PREFIX = "pytest-"
ROLE = "member"


class RefusedError(Exception):
    """Keystone refused to make or to delete something; the message has its answer."""


@dataclass(slots=True)
class Projects:
    """The projects that the tests of one process get. `clouds_yaml` has the admin; `endpoint_url` is the gateway's."""

    admin: Connection
    endpoint_url: str
    _role: str = ""
    _discovered: dict[str, Any] = field(default_factory=dict)  # what versions the services have, found once for all
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, clouds_yaml: str | None, admin: str, endpoint_url: str) -> Projects:
        """Return the projects that the admin of a clouds.yaml makes."""
        config = OpenStackConfig(config_files=[clouds_yaml] if clouds_yaml else None, load_envvars=False)
        return cls(Connection(config=config.get_one(cloud=admin)), endpoint_url)

    def make(self) -> Account:
        """Make a project and its user; delete what was made already where a later step fails."""
        made: list[str] = []
        try:
            return self._make(made)
        except Exception as error:
            if left := [why for path in reversed(made) if (why := self._deleted(path))]:
                raise RefusedError(f"{error}; and what was made is left: {'; '.join(left)}") from error
            raise

    def _make(self, made: list[str]) -> Account:
        role = self._member()
        name, password = PREFIX + secrets.token_hex(8), secrets.token_urlsafe(24)
        domain = self.admin.config.config["auth"].get("project_domain_id") or self._domain()
        project = self._post("/projects", "project", {"name": name, "domain_id": domain})["id"]
        made.append(f"/projects/{project}")
        wanted = {"name": name, "domain_id": domain, "password": password, "default_project_id": project}
        user = self._post("/users", "user", wanted)["id"]
        made.append(f"/users/{user}")
        answer = self.admin.identity.put(f"/projects/{project}/users/{user}/roles/{role}")
        if answer.status_code != 204:
            raise RefusedError(f"the role {ROLE}: {answer.status_code} {answer.text[:200]}")
        key = self._post(f"/users/{user}/credentials/OS-EC2", "credential", {"tenant_id": project})
        auth = {
            "auth_url": self.admin.config.config["auth"]["auth_url"],
            "user_id": user,
            "password": password,
            "project_id": project,
        }
        return Account(
            endpoint_url=self.endpoint_url,
            access_key=key["access"],
            secret_key=key["secret"],
            account_id="",
            project_id=project,
            user_id=user,
            auth=auth,
        )

    def remove(self, account: Account) -> None:
        """Delete a project's user, and the project with everything in it."""
        with contextlib.closing(self.connect(account)) as user:
            clear(user, self.admin, account.project_id)
        for path in (f"/users/{account.user_id}", f"/projects/{account.project_id}"):
            if why := self._deleted(path):
                raise RefusedError(why)

    def _deleted(self, path: str) -> str:
        """Delete something of Keystone's; return why it could not be deleted, or nothing."""
        try:
            answer = self.admin.identity.delete(path)
        except ClientException as error:
            return f"DELETE {path}: {error}"
        return "" if answer.status_code in (204, 404) else f"DELETE {path}: {answer.status_code} {answer.text[:200]}"

    def connect(self, account: Account) -> Connection:
        """Return a connection of an account's user."""
        config = OpenStackConfig(load_yaml_config=False, load_envvars=False).get_one(
            auth=dict(account.auth), region_name=self.admin.config.region_name, interface=self.admin.config.interface
        )
        plugin, verify = config.get_session().auth, self.admin.session.verify
        session = Session(auth=plugin, verify=verify, discovery_cache=self._discovered)
        return Connection(session=session, region_name=self.admin.config.region_name)

    def _post(self, path: str, kind: str, wanted: dict[str, Any]) -> Any:
        body = wanted if kind == "credential" else {kind: wanted}
        answer = self.admin.identity.post(path, json=body)
        if answer.status_code != 201:
            raise RefusedError(f"Keystone makes no {kind}: {answer.status_code} {answer.text[:200]}")
        return answer.json()[kind]

    def _member(self) -> str:
        with self._lock:
            if not self._role:
                found = self.admin.identity.get("/roles", params={"name": ROLE}).json()["roles"]
                if not found:
                    raise RefusedError(f"the cloud has no role {ROLE}")
                self._role = found[0]["id"]
            return self._role

    def _domain(self) -> str:
        access = self.admin.session.auth.get_access(self.admin.session)
        return str(access.project_domain_id or access.user_domain_id)
