"""The authorisation of requests to S3: finds the bucket, its policy and its other rules, and asks `shim.authz`."""
