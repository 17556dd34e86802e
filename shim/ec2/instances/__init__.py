"""Instances as EC2 describes and controls them, their types and their key pairs: Nova's servers."""
