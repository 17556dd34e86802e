"""A real OpenStack on loopback, installed from the package index and supervised by this package.

`EmbeddedCloud(state_dir).up()` starts it. It needs no container engine, message broker, database server or root.
"""

from adapters.embedded.cloud import EmbeddedCloud, ServiceStatus
from adapters.embedded.errors import AnswerError, CloudError, ServiceFailedError
from adapters.embedded.facts import GATEWAY_SETTINGS, Account, CloudFacts

__all__ = [
    "GATEWAY_SETTINGS",
    "Account",
    "AnswerError",
    "CloudError",
    "CloudFacts",
    "EmbeddedCloud",
    "ServiceFailedError",
    "ServiceStatus",
]
