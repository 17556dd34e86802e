"""Checks whether a cloud is fit for the gateway; every check only reads."""
