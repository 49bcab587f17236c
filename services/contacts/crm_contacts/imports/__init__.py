"""Imports: contacts taken over from files."""
