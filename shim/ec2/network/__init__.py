"""VPCs, subnets, interfaces and security groups: Neutron's resources."""
