"""The configuration of a bucket: its sub-resources."""
