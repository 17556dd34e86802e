"""Barbican's configuration."""

import base64
import hashlib

from adapters.embedded.conf.ini import database, default, shared, text, token_check
from adapters.embedded.plan import Plan


def files(plan: Plan) -> dict[str, str]:
    """Return barbican.conf: secrets are in the database, encrypted with the cloud's own master key."""
    master = hashlib.sha256(plan.passwords["barbican-master-key"].encode()).digest()
    sections = {
        "DEFAULT": default(
            plan,
            "barbican",
            host_href=plan.url("barbican"),
            db_auto_create=True,  # a dozen empty tables: quicker than a migration that every cloud would copy
        ),
        "secretstore": {"namespace": "barbican.secretstore.plugin", "enabled_secretstore_plugins": "store_crypto"},
        "crypto": {"namespace": "barbican.crypto.plugin", "enabled_crypto_plugins": "simple_crypto"},
        "simple_crypto_plugin": {"kek": base64.urlsafe_b64encode(master).decode()},
        "database": database(plan, "barbican"),
        "keystone_authtoken": token_check(plan, "barbican"),
        **shared(plan),
    }
    return {"barbican/barbican.conf": text(sections)}
