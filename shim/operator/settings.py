"""The effective settings, with every secret masked."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, Field

from shim.config import Settings

# The password in `scheme://user:password@host`.  User and password may hold any character unencoded, so the password
# begins after the first `:` and reaches to the last `@`; a query with an `@` is masked more than it need be.
_PASSWORD = re.compile(r"(?<=://)([^:]*:).*(?=@)", re.DOTALL)
# Some drivers of tooz take the password in the URL's query.
_QUERY = re.compile(r"(?i)([?&][^=&#]*(?:password|passwd|secret|token|key)[^=&#]*=)[^&]*")


class Setting(BaseModel):
    """One setting and its effective value."""

    name: str = Field(description="The field's name; the command line's option is the same with dashes.")
    variable: str = Field(description="The environment variable that sets it.")
    value: Any = Field(description="The effective value; secrets are masked.")
    default: bool = Field(description="Whether the value is the default.")
    description: str = Field(description="What the setting does.")


def shown(settings: Settings) -> dict[str, Any]:
    """Return each setting's effective value in JSON's types, with secrets and the passwords in URLs masked."""
    return {name: _masked(value) for name, value in settings.model_dump(mode="json").items()}


def listed(settings: Settings) -> list[Setting]:
    """Return every setting with its effective value, in the order of `Settings`."""
    values = shown(settings)
    return [
        Setting(
            name=name,
            variable=f"PASSERELLE_{name.upper()}",
            value=values[name],
            default=getattr(settings, name) == field.get_default(call_default_factory=True),
            description=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def _masked(value: Any) -> Any:
    if isinstance(value, str) and "://" in value:
        return _QUERY.sub(r"\1***", _PASSWORD.sub(r"\1***", value))
    return value
