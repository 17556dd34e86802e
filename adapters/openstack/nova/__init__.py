"""Nova: servers."""
