"""The protocol core against AWS's own vectors, against botocore, and against clients that mean harm."""
