"""Sub-resources that configure a bucket, such as ACL and CORS, and the store of their values."""
