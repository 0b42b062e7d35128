"""Cron expressions and the clocks of time zones."""
