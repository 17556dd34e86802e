"""RunInstances: from its parameters to servers, and what is undone where that fails."""
