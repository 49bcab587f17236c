"""Organizations: the companies, households and bodies that people belong to."""
