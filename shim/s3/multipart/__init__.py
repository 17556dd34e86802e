"""Multipart uploads: begun, filled, listed, completed, aborted."""
