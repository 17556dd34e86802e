"""The ways between VPCs and other networks: gateways, route tables, routes and network ACLs, kept in Neutron."""
