"""XML: answers written, documents read."""
