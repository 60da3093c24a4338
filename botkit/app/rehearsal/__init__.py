"""Workflows tried in memory: with mocked tools, models, people, requests and time, or with what a run recorded."""
