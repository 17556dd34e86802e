"""Record what a command calls of the AWS API, in lines of JSON; `replay` below makes recorded calls elsewhere."""

# Other distributions may have a package of this name; the command line refuses to run on theirs.
DISTRIBUTION = "passerelle"
