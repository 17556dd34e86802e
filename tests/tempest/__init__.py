"""OpenStack's own black-box tests of an EC2 endpoint, run against the gateway as they are published."""
