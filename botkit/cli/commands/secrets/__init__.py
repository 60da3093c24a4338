"""Store secrets, sealed; their values are never shown again."""
