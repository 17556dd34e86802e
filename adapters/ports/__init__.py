"""What the AWS face may ask of a cloud, in OpenStack's words.  Nothing here knows that AWS exists.

One module for each service, a folder where a service has many kinds of resources.  A port lists only the calls that
somebody makes.
"""
