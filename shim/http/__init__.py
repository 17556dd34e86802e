"""HTTP at the AWS endpoint: sockets, connections, the heads and bodies of requests and answers."""
