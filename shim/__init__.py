"""The AWS face: protocol, identity and actions."""
