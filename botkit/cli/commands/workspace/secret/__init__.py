"""Secrets of one workspace."""
