"""The embedded cloud: its pure parts, and (marked `cloud`) a real one brought up, broken and repaired."""
