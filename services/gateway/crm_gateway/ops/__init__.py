"""How the installation does, for those who keep it running: `/ops` and its data."""
