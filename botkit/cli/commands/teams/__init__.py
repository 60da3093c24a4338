"""Look at teams, and see who would answer a message."""
