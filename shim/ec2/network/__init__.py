"""VPCs, subnets, interfaces, addresses and security groups: Neutron's resources."""
