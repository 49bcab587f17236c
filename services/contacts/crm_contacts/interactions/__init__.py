"""Interactions: each time the company and a person were in touch."""
