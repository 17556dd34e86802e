"""Where the bytes of objects lie whose storage class is mapped to a storage policy of Swift."""
