"""What belongs to VPCs: settings, and the ways to other networks (gateways, route tables, routes, network ACLs)."""
