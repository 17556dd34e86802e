"""XML: writes answers and reads the documents of requests."""
