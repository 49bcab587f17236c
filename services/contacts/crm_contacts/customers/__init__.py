"""Customers: what this service tells of a contact or an organization in one view."""
