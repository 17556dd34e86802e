"""Object stores that are not a Swift with its usual limits: lower limits, and other servers of the same API."""
