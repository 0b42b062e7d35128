"""Measurements of sqlpipe as whole processes, each beside a floor that does only the work that cannot be left out."""
