"""Show what is left of budgets, add to them, begin them anew."""
