"""Places rows come from."""
