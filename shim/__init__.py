"""The AWS frontend: protocol, identity and actions."""

# Other distributions have packages of this name; the command line refuses to run on theirs.
DISTRIBUTION = "passerelle"
