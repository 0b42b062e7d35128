"""`python -m sqlpipe` is the same as `sqlpipe`."""

from __future__ import annotations

from sqlpipe.cli.main import main

if __name__ == "__main__":
    main()
