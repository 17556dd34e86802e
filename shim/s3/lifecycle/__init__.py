"""Lifecycle rules of a bucket: their document, their evaluation, and the registry of the buckets that have some."""
