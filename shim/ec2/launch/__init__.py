"""RunInstances: parse the request, create the servers, and undo a launch that fails."""
