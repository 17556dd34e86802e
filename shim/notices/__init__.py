"""Notices of events: kept on disk until a webhook of the operator's has taken them."""
