"""Databases that run SQL."""
