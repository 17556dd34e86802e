"""The operator's side: health, metrics and a read-only JSON API about the gateway itself, on the metrics listener."""
