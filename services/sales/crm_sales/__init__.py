"""Sales: pipelines, and the deals that go through them."""
