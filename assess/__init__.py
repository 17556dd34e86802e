"""Assess whether calls of the AWS API would work on the gateway, by the gateway's own tables."""

# Other distributions may have a package of this name; the command line refuses to run on theirs.
DISTRIBUTION = "passerelle"
