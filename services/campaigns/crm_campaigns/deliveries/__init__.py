"""Deliveries: what became of each mail of a campaign."""
