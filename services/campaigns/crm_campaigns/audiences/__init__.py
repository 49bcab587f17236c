"""Audiences: the contacts that a campaign goes to."""
