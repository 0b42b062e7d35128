"""Words on a terminal: commands, and values as text."""
