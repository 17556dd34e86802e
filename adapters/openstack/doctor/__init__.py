"""Checks whether a cloud is fit for the gateway; every check but the probe only reads."""
