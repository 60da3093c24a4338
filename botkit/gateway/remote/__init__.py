"""Upstreams that are not our own processes: servers reached over HTTP."""
