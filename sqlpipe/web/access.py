"""What routes ask of those who use them, and as whom these come."""

from __future__ import annotations

from enum import StrEnum


class Access(StrEnum):
    """What a route asks of those who use it; `ASK` is for queries of one's own, which may read everything there is."""

    OPEN = "open"
    READ = "read"
    ASK = "ask"
    WRITE = "write"


class Role(StrEnum):
    """As whom somebody comes: the public reads pages, a viewer also asks queries, an operator does everything."""

    STRANGER = "stranger"
    PUBLIC = "public"
    VIEWER = "viewer"
    OPERATOR = "operator"

    def may(self, access: Access) -> bool:
        """Whether one who comes so may use such a route."""
        return access in _RIGHTS[self]


_RIGHTS = {
    Role.STRANGER: {Access.OPEN},
    Role.PUBLIC: {Access.OPEN, Access.READ},
    Role.VIEWER: {Access.OPEN, Access.READ, Access.ASK},
    Role.OPERATOR: set(Access),
}
