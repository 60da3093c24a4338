"""Conversations as test cases: run through the whole engine on a stage, compared, recorded and told."""
