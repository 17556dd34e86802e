"""The supervisor's part of a network that carries packets: its packages, what it needs of the machine, its control."""
