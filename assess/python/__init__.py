"""Python sources: the calls that boto3 and aioboto3 would make, followed by reading alone; nothing is run."""
