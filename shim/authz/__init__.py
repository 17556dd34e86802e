"""Who may do what: principals, IAM's names of actions and resources, and the one decision on every request."""
