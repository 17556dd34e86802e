"""CloudTrail's logs: the calls that were really made, counted, with their parameters."""
