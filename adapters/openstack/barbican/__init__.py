"""Barbican: secrets that are keys."""
