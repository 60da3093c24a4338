"""See and forget what bots keep in mind."""
