"""OpenStack's resources as frozen dataclasses with the fields that the gateway reads; a module for each service."""
