"""The room with windows: what `sqlpipe serve` shows of a project over HTTP, and lets be done to it."""
