"""Neutron: a module for each kind of resource, with its calls and JSON → types."""
