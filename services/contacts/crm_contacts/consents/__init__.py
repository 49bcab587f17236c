"""Consents: what a person allowed the company to do."""
