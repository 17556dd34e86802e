"""Neutron: networks."""
