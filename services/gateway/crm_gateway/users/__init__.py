"""Users: the people who work with the system."""
