"""Actions on buckets, which are Swift's containers, and their listings."""
