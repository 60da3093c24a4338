"""Conversations as tests: pip install pytest pytest-asyncio, then pytest."""

pytest_plugins = ["botkit.testing.plugin"]
