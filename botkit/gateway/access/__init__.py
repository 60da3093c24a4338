"""Who may enter a workspace: member tokens, members, roles and invitations."""
