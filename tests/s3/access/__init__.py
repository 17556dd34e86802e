"""Who may do what with a bucket."""
