"""Buckets and their listings: Swift's containers."""
