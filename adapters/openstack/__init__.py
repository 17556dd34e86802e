"""A real OpenStack behind the ports: how it is found, logged into, spoken to, and how its refusals are read."""
