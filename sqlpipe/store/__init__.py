"""What the warehouse holds, kept in the warehouse."""
