"""The timeline: what happened around a customer, whatever the service."""
