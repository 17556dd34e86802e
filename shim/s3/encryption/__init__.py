"""Server-side encryption: the format of encrypted objects, the keys, and what requests say of both."""
