"""Measures the gateway's cost: `make bench`, or `python -m bench NAME…` for some measurements."""
