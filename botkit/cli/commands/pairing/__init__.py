"""Let unknown people in who wrote to a bot."""
