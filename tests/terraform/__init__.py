"""Terraform with the AWS provider as it is published, on the gateway."""
