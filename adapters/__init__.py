"""Platform adapters: one file per platform, found through entry points."""
