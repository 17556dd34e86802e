"""Swift, as the embedded cloud runs it: a proxy, its storage servers, and the rings between them."""
