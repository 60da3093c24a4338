"""Give a person what is stored about them, or delete it."""
