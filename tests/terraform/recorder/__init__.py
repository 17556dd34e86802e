"""Records which calls Terraform's AWS provider makes for each sort of resource; see `__main__`."""
