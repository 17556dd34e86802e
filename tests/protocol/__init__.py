"""Tests of the protocols with AWS's own vectors, with botocore, and with hostile requests."""
