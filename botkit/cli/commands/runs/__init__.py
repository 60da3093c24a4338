"""Look at runs, and end those that do not end by themselves."""
