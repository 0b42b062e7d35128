"""From the text of a project to a `Project`, with every complaint at once."""
