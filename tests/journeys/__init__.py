"""One journey by several clients: what a user makes in a first hour, read, changed and taken down again."""
