"""Is the challenger better than the champion? Held-out items, checks, and the decision."""
