"""AMIs: Glance's images."""
