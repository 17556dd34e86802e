"""STS: who is calling.  Importing this package registers its actions."""

from shim.sts import identity
from shim.sts.errors import translate
from shim.sts.service import sts

__all__ = ["identity", "sts", "translate"]
