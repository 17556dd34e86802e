"""IPv6 on Neutron: the block of a VPC, the blocks of its subnets, and the addresses of interfaces."""
