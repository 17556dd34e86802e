"""The OpenStack face: ports, and the clouds behind them."""

# Other distributions have packages of this name; the command line refuses to run on theirs.
DISTRIBUTION = "passerelle"
