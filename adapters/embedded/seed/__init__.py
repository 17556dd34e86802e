"""The first content of a cloud: accounts and catalog (Keystone), and the resources that tenants need."""
