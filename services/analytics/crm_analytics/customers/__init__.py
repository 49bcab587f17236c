"""Customers: what this service adds to the view of a contact or an organization."""
