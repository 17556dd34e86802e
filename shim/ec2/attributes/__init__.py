"""What can be read and changed of an instance by itself: its attributes, options and console."""
