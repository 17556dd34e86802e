"""Make recorded calls on other endpoints, and compare what comes back."""
