"""Code that runs inside the OpenStack services, under the cloud's own interpreter.

The supervisor puts this package on the services' PYTHONPATH as `passerelle_cloud`. It imports only the
standard library and the OpenStack packages of that environment, which does not contain the gateway.
"""
