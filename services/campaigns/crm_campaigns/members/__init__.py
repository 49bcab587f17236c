"""Members: which contacts are in an audience."""
