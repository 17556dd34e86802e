"""The service side: code that runs under the cloud's own interpreter, inside the OpenStack services.

The supervisor puts this package on the services' PYTHONPATH as `passerelle_cloud`. It imports the standard library and
the OpenStack packages of that environment, and nothing of the gateway's: neither is there.
"""
