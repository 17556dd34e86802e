"""Launch templates: versions of the parameters of a launch, kept as documents."""
