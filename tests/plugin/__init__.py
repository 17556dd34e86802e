"""The pytest plugin: runs of pytest inside pytest, without a cloud where possible."""
