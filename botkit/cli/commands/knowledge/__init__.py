"""Files bots can look things up in."""
