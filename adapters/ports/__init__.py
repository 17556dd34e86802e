"""The ports: what the AWS side may ask of a cloud, in OpenStack's terms.  Nothing here knows of AWS.

One module for each service, a folder where a service has many kinds of resources.  A port lists only the calls that
somebody makes.
"""
