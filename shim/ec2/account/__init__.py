"""What the account and the cloud offer: regions, zones, attributes."""
