"""The read-only JSON API below /api: the operations answered, the settings, the last refusals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from shim.config import Settings
from shim.operator.coverage import Action, actions
from shim.operator.settings import Setting, listed
from shim.protocol.service import Service
from shim.refusals import Refusal

# Returns the last refusals of one account, or of all accounts where it is given None, the latest first.
LastRefusals = Callable[[str | None], Awaitable[Sequence[Refusal]]]

_DEFAULT_LIMIT = 100
_MOST = 1000


class RefusedRequest(BaseModel):
    """One request that was refused."""

    time: datetime = Field(description="When the answer had left.")
    service: str = Field(description="AWS's signing name of the service; empty where none was made out.")
    operation: str = Field(description="AWS's name of the operation; empty where none was made out.")
    status: int = Field(description="HTTP status of the answer.")
    code: str = Field(description="AWS's error code in the answer.")
    what: str = Field(description="Name of the refused parameter, header or operation; empty where none was at fault.")
    why: str = Field(description="The answer's message.")
    request_id: str = Field(description="The request id that the client was given; the log has it too.")


class AccountRefusals(BaseModel):
    """The last refusals of one account."""

    account: str = Field(description="Account id (12 digits); empty for requests that nobody had signed validly.")
    refusals: list[RefusedRequest] = Field(description="The latest first.")


def router(settings: Settings, services: Iterable[Service], last: LastRefusals) -> APIRouter:
    """Return the routes below /api."""
    api = APIRouter(prefix="/api", tags=["api"])
    answered = list(actions(services))  # registered at import; it does not change later

    @api.get("/actions", summary="The operations that are answered")
    async def coverage(
        service: Annotated[str, Query(description="Show one service only.")] = "",
    ) -> list[Action]:
        """List every AWS operation that is answered, with the parameters honoured, ignored and refused.

        `passerelle actions --json` prints the same.
        """
        return [one for one in answered if service in ("", one.service)]

    @api.get("/config", summary="The effective settings")
    async def config() -> list[Setting]:
        """List every setting with its effective value; secrets and passwords in URLs are masked."""
        return listed(settings)

    @api.get("/refusals", summary="The last refusals by account")
    async def refusals(
        account: Annotated[str | None, Query(description="Show one account only.", max_length=64)] = None,
        limit: Annotated[int, Query(description="Show at most so many refusals.", ge=1, le=_MOST)] = _DEFAULT_LIMIT,
    ) -> list[AccountRefusals]:
        """List the last requests that were refused, with what was refused and why, the latest account first."""
        return by_account((await last(account))[:limit])

    return api


def by_account(found: Iterable[Refusal]) -> list[AccountRefusals]:
    """Group refusals by account, and keep their order within each."""
    groups: dict[str, list[RefusedRequest]] = {}
    for one in found:
        told = {**one._asdict(), "time": datetime.fromtimestamp(one.time, UTC)}
        groups.setdefault(told.pop("account"), []).append(RefusedRequest(**told))
    return [AccountRefusals(account=account, refusals=rows) for account, rows in groups.items()]
