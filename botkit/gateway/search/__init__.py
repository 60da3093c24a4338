"""Showing many tools to models that pay for every word: by search, or in short."""
