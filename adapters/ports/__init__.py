"""What the AWS face may ask of a cloud, in OpenStack's words.  Nothing here knows that AWS exists.

One module for each service; a port lists only the calls that somebody makes.
"""
