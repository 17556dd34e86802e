"""boto3 for one account."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from pytest_passerelle.account import Account
from pytest_passerelle.state import State


@dataclass(slots=True)
class Clients:
    """boto3's clients and resources of an account, and a session for what else is needed."""

    account: Account
    state: State = field(repr=False)
    _session: Any = None
    _clients: list[Any] = field(default_factory=list, repr=False)

    @property
    def session(self) -> Any:
        """A boto3 session with the account's keys; its clients need `endpoint_url`."""
        if self._session is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of importing it
                boto3 = import_module("boto3")
            self._session = boto3.Session(
                aws_access_key_id=self.account.access_key,
                aws_secret_access_key=self.account.secret_key,
                region_name=self.account.region,
            )
        return self._session

    def client(self, service: str, **further: Any) -> Any:
        """Return a client, with `further` as boto3's own arguments."""
        self._prepare(service)
        made = self.session.client(service, endpoint_url=self.account.endpoint_url, **further)
        self._clients.append(made)
        return made

    def resource(self, service: str, **further: Any) -> Any:
        """Return a resource, with `further` as boto3's own arguments."""
        self._prepare(service)
        made = self.session.resource(service, endpoint_url=self.account.endpoint_url, **further)
        self._clients.append(made.meta.client)
        return made

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients:
            client.close()

    def _prepare(self, service: str) -> None:
        if service == "ec2":
            self.state.default_vpc(self.account)
