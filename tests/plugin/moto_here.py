"""A plugin for the inner runs: a second moto server stands where the gateway would, so that they need no cloud."""

from dataclasses import dataclass, field, replace

import pytest

from pytest_passerelle.account import Account
from pytest_passerelle.moto_server import MotoServer
from pytest_passerelle.plugin import state_of


@dataclass
class MotoLink:
    """What a Link does, by moto."""

    server: MotoServer | None = None
    opened: list[str] = field(default_factory=list)

    def open(self) -> Account:
        self.opened.append(f"project-{len(self.opened) + 1}")
        self.server = self.server or MotoServer.start()
        return replace(self.server.open(), project_id=self.opened[-1])

    def close(self, account: Account) -> None:
        assert account.project_id in self.opened

    def default_vpc(self, account: Account) -> None:
        assert account.project_id in self.opened

    def end(self) -> list[str]:
        if self.server is not None:
            self.server.end()
        return []


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Give the state its link before a test asks for one."""
    state_of(early_config)._link = MotoLink()  # type: ignore[assignment]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let the plugin stop nothing: nothing was started."""
    session.config.option.passerelle_keep = True
