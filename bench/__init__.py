"""What the gateway costs: `make bench`, or `python -m bench NAME…` for some of it."""
