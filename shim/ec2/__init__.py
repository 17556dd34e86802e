"""The EC2 face: importing this package registers every action that it knows."""
