"""Decide what waits for a person."""
