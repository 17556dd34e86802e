"""Swift: object storage, with an HTTP client of the project's own."""
