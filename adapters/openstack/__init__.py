"""Implements the ports with OpenStack's APIs: configuration, login, discovery, requests and errors."""
