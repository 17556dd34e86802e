"""A pytest plugin: tests of code that calls AWS, on a real OpenStack, each in a fresh account.

The process that runs the tests imports nothing of the gateway, of OpenStack or of boto3 before a test asks for it: all
that is done by a process of its own (`keeper`).
"""

DISTRIBUTION = "passerelle"
