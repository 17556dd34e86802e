"""Objects: written, read, copied, deleted, with what Swift keeps about each."""
