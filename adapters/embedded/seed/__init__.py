"""The first content of a cloud: accounts and catalog (Keystone), and what a tenant expects to find."""
