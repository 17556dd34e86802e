"""What is asked of Neutron: one Protocol for each kind of resource, and `Network`, which is all of them."""
