"""Messages that are said later."""
