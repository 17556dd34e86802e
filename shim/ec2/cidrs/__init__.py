"""Further CIDR blocks of VPCs, and the IPv6 blocks of VPCs and subnets that exist."""
