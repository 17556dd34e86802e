"""Tags of EC2 resources: their rules, where OpenStack keeps them, and the three actions on them."""
