"""OpenStack's resources as frozen dataclasses, only the fields somebody reads, one module for each service."""
