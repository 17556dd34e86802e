"""Shell scripts: the calls of their `aws` commands, by the argument tables of the AWS CLI; nothing is run."""

# The AWS CLI has copies of these two in it, and whoever imports it first gets the copies under these names.
import botocore
import s3transfer

__all__ = ["botocore", "s3transfer"]
