"""Campaigns: what is sent to whom, and when."""
