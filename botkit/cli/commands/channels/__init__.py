"""See how channels are, and what they need."""
