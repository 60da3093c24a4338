"""Members of workspaces: invite, list, give roles, remove."""
