"""Creates a cloud's first content: accounts and catalog (Keystone), and the resources that tenants need."""
