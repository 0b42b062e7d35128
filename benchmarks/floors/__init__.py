"""Floors: programs of a few lines that do only the work that no tool can leave out."""
