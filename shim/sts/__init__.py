"""STS: GetCallerIdentity.  Importing this package registers its actions."""

from shim.sts import identity

__all__ = ["identity"]
