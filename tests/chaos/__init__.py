"""EC2's multi-step actions while OpenStack refuses one of their writes, or does it and its answer is lost."""
