"""What to do next, and why; a pure function of the project and what the ledger knows."""
