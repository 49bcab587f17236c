"""Backups of all databases of a suite as they were at one moment, and what becomes of them."""
