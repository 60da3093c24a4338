"""Sets of tools behind one URL: make, change and list workspaces."""
