"""Keystone's configuration."""

from adapters.embedded.conf.ini import database, default, shared, text
from adapters.embedded.plan import Plan


def files(plan: Plan) -> dict[str, str]:
    """Return keystone.conf."""
    home = plan.place.root / "keystone"
    sections = {
        "DEFAULT": default(plan, "keystone"),
        "database": database(plan, "keystone"),
        "token": {"provider": "fernet", "expiration": 14400},
        "fernet_tokens": {"key_repository": home / "fernet-keys"},
        # Keystone reads this directory even if no receipt is requested; the default is in /etc.
        "fernet_receipts": {"key_repository": home / "fernet-keys"},
        "credential": {"key_repository": home / "credential-keys"},
        # bcrypt's default cost makes every password login take a quarter of a second.
        "identity": {"password_hash_rounds": 4},
        "cache": {"enabled": True, "backend": "dogpile.cache.memory"},
        **shared(plan),
    }
    return {"keystone/keystone.conf": text(sections)}
