"""Talking to a bot in the terminal."""
