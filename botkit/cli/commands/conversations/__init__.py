"""Look at conversations, and speak in place of the bot."""
