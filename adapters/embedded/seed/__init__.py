"""What a cloud holds from its first day: accounts and catalog (Keystone), and what a tenant expects to find."""
