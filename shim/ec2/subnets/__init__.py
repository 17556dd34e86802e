"""Subnets: made, with what their VPC hands on to them, and deleted."""
