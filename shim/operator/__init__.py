"""The operator's application on the metrics listener: health, metrics and a read-only JSON API about the gateway."""
