"""Terraform's plans and states: resources, and the calls that the AWS provider was recorded to make for them."""
