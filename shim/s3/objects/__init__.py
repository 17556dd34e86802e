"""Actions on objects: write, read, copy and delete them in Swift."""
