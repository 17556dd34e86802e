"""Event notifications: a bucket's configuration of them, and the records of what happens to its objects."""
