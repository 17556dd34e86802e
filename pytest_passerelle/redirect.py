"""Points the clients of this process at the gateway, with the account of the moment: handlers of botocore's events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from pytest_passerelle.account import Account
from pytest_passerelle.calls import HERE, SERVICES

# botocore's names of what an endpoint is made from
ENDPOINT = "SDK::Endpoint"
CHOSEN = {
    "AWS::S3::ForcePathStyle": True,
    "AWS::UseFIPS": False,
    "AWS::UseDualStack": False,
    "AWS::S3::Accelerate": False,
}
AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


@dataclass(slots=True)
class Redirect:
    """Sends calls of EC2, S3 and STS to the account that `account` returns, and none while that is None.

    Clients may have been made before, with any keys: so endpoint and keys are chosen for each call.
    """

    account: Callable[[str], Account | None] = field(repr=False)
    issued: set[str] = field(default_factory=set)  # access keys that the gateway's STS gave out

    def before_endpoint_resolution(
        self, event_name: str, builtins: dict[str, Any], context: dict[str, Any], **_: Any
    ) -> None:
        """Choose the endpoint of a call; botocore's handler of `before-endpoint-resolution`."""
        service = event_name.rpartition(".")[2]
        if service not in SERVICES or not is_aws(builtins.get(ENDPOINT)):
            return
        account = self.account(service)
        if account is not None:
            builtins[ENDPOINT] = account.endpoint_url
            builtins.update({name: value for name, value in CHOSEN.items() if name in builtins})
            context[HERE] = account

    def before_sign(self, request: Any, request_signer: Any, **_: Any) -> None:
        """Choose the keys of a call; botocore's handler of `before-sign`."""
        account = request.context.get(HERE)
        if account is None:
            return
        own = getattr(request_signer, "_credentials", None)
        if own is None or own.get_frozen_credentials().access_key not in self.issued:
            chosen = import_module("botocore.credentials").Credentials(account.access_key, account.secret_key)
            request.context.setdefault("signing", {})["request_credentials"] = chosen

    def after_call(self, parsed: Any, context: Any, **_: Any) -> None:
        """Note the keys that STS gives out; botocore's handler of `after-call.sts`."""
        if HERE in context and "Credentials" in parsed:
            self.issued.add(parsed["Credentials"]["AccessKeyId"])


def is_aws(url: str | None) -> bool:
    """Tell whether a client was made for AWS, and not for another endpoint."""
    return url is None or (urlsplit(url).hostname or "").endswith(AWS)
