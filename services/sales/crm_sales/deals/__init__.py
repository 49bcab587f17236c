"""Deals: what customers may buy."""
