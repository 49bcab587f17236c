"""Changes of the stored data, in the order of their numbers."""
