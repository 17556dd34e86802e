"""What an operator asks a cloud before a gateway stands in front of it; every check only reads."""
