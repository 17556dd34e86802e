"""The errors of installing, starting and seeding a cloud."""


class CloudError(Exception):
    """A step failed. The message names the step and includes the end of its log."""


class ServiceFailedError(CloudError):
    """A service died or never became healthy; `service` names it, `tail` is the end of its log."""

    def __init__(self, service: str, what: str, tail: str) -> None:
        super().__init__(f"{service} {what}\n--- end of {service}.log ---\n{tail}")
        self.service = service
        self.tail = tail


class AnswerError(CloudError):
    """A service answered unexpectedly; `status` is the HTTP status."""

    def __init__(self, method: str, url: str, status: int, body: str) -> None:
        super().__init__(f"{method} {url} answered {status}: {body[:400]}")
        self.status = status
