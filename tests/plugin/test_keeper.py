"""No account is lost: not where a step of making it fails, and not at the end."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_passerelle.account import Account
from pytest_passerelle.keeper import Keeper
from pytest_passerelle.projects import Projects, RefusedError


@dataclass
class Keystone:
    """An identity service that refuses one sort of request."""

    refused: tuple[str, str]
    deleted: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, status: int, **body: Any) -> Any:
        refused = method == self.refused[0] and self.refused[1] in path
        return SimpleNamespace(status_code=500 if refused else status, text="refused", json=lambda: body)

    def get(self, path: str, params: Any) -> Any:
        return self.answer("GET", path, 200, roles=[] if self.refused[0] == "GET" else [{"id": "r"}])

    def post(self, path: str, json: Any) -> Any:
        return self.answer(
            "POST", path, 201, project={"id": "p"}, user={"id": "u"}, credential={"access": "a", "secret": "s"}
        )

    def put(self, path: str) -> Any:
        return self.answer("PUT", path, 204)

    def delete(self, path: str) -> Any:
        self.deleted.append(path)
        return self.answer("DELETE", path, 204)


def projects(keystone: Keystone) -> Projects:
    auth = {"project_domain_id": "default", "auth_url": "http://127.0.0.1:9"}
    admin: Any = SimpleNamespace(identity=keystone, config=SimpleNamespace(config={"auth": auth}))
    return Projects(admin, "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("refused", "deleted"),
    [
        (("GET", "/roles"), []),
        (("POST", "/projects"), []),
        (("POST", "/users"), ["/projects/p"]),
        (("PUT", "/roles"), ["/users/u", "/projects/p"]),
        (("POST", "/credentials"), ["/users/u", "/projects/p"]),
    ],
)
def test_what_was_made_is_deleted_where_a_later_step_fails(refused: tuple[str, str], deleted: list[str]) -> None:
    keystone = Keystone(refused)
    with pytest.raises(RefusedError):
        projects(keystone).make()
    assert keystone.deleted == deleted


@dataclass
class Made:
    """Projects that are made and removed, or not."""

    makes: int
    removes: bool = True
    removed: list[str] = field(default_factory=list)
    number: int = 0

    def make(self) -> Account:
        self.number += 1
        if self.number > self.makes:
            raise RefusedError("no more")
        return Account("http://127.0.0.1:9", "a", "s", "", project_id=f"{self.number:032x}")

    def remove(self, account: Account) -> None:
        self.removed.append(account.project_id)
        if not self.removes:
            raise RefusedError("it stays")


def keeper(made: Made) -> Keeper:
    projects: Any = made
    return Keeper(projects)


def test_open_accounts_are_removed_although_the_next_one_could_not_be_made() -> None:
    made = Made(1)
    keeping = keeper(made)
    project = keeping.open()["project_id"]
    assert keeping.end() == []
    assert made.removed == [project]


def test_the_next_account_is_removed_too_and_failures_name_the_project() -> None:
    made = Made(2, removes=False)
    keeping = keeper(made)
    project = keeping.open()["project_id"]
    left = keeping.end()
    assert sorted(left) == [f"project {number:032x}: it stays" for number in (1, 2)]
    assert project in made.removed


def test_an_account_without_its_default_vpc_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    made = Made(3)
    keeping = keeper(made)
    project = keeping.open()["project_id"]
    assert keeping._next is not None
    keeping._next.result()
    with pytest.raises(Exception, match=r"127\.0\.0\.1:9"):  # no gateway answers there
        keeping.default_vpc(project)
    keeping.open()  # made before a VPC was asked for
    assert keeping.end() == []
    assert sorted(made.removed) == [f"{number:032x}" for number in (1, 2, 3)]
