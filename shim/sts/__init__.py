"""STS: who the caller is, and temporary credentials.  Importing this package registers its actions."""

from shim.sts import identity, sessions

__all__ = ["identity", "sessions"]
