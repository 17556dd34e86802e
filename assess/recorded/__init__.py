"""Recordings of `passerelle record`: the calls that a command made, with their parameters."""
