"""Swift: object storage, over connections of our own."""
