"""The demo company, loaded through the REST API."""
