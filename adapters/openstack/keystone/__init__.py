"""Keystone: credentials, tokens and the gateway's own login."""
