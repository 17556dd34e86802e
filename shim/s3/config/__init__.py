"""The sub-resources of a bucket that configure it: ACL, CORS, and the store of their values."""
