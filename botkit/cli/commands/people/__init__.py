"""Who people are on every platform, and what they may do."""
