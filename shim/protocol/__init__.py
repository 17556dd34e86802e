"""AWS's wire protocols, driven by botocore's models.  Pure: no I/O, no clock, no environment, no cloud."""
