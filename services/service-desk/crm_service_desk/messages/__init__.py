"""Messages: what is written about a case."""
