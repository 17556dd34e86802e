"""Storage classes, and the containers of those that are mapped to a storage policy of Swift."""
