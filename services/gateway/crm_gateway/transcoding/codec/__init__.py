"""JSON <-> messages, strictly: the JSON of proto3, without what it lets pass."""
