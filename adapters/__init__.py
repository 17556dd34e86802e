"""The OpenStack face: ports, and the clouds behind them."""
