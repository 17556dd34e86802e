"""The HTTP side of the AWS endpoint: sockets, connections, requests and how an answer is sent."""
