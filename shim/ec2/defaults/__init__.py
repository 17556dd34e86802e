"""The default VPC and its subnets, in which launches that name no subnet run."""
