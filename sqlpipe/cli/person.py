"""Who is at the keyboard, for the log of who did what."""

from __future__ import annotations

import getpass


def who() -> str:
    """The name by which the system knows the user."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        # A container may run under a number that has no name.
        return "somebody"
