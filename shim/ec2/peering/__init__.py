"""VPC peering connections: a network between the routers of two VPCs."""
