"""Storage classes that the operator maps to storage policies of Swift."""
