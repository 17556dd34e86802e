"""Server access logs: a record of each request for a bucket, delivered into a bucket in AWS's format."""
