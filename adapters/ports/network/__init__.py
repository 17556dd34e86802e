"""The port to Neutron: one Protocol for each kind of resource, and `Network`, composed of them."""
