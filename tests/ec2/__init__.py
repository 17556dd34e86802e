"""EC2: its pure parts, and its actions on a real cloud in both views."""
