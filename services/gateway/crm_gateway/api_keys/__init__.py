"""API keys: how programs show for whom they ask."""
