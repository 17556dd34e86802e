"""Authorisation: principals, IAM's names of actions and resources, and the decision on each request."""
