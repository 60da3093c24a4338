"""Workflows to begin with: each a folder with its graph, its test cases, and the sample tool servers it uses."""
