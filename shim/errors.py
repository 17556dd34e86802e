"""The one exception that carries an AWS answer: a code, a sentence, a status."""

from __future__ import annotations

from collections.abc import Mapping


class AwsError(Exception):
    """An error as a client of AWS expects it.

    `code` is AWS's literal code, `status` its HTTP status, `extra` further elements of S3's envelope (BucketName, Key,
    ...), `headers` further answer headers (Retry-After, ...).  Neither may hold a secret, a token or a signature that
    the client did not send itself.  `refused` names what the error refuses (a parameter, header, query key, operation
    or value) for the log, the metrics and the operator; S3's errors that name an argument have it from `extra`.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        *,
        extra: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        refused: str = "",
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})
        self.refused = refused or self.extra.get("ArgumentName", "")
