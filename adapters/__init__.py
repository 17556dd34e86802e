"""The OpenStack side: ports, and the clouds that implement them."""

# Other distributions have packages of this name; the command line refuses to run on theirs.
DISTRIBUTION = "passerelle"
