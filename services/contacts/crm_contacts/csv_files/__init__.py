"""CSV files: as people's programs write them, and as they can safely be opened again."""
