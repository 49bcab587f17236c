"""The contacts service: contacts, organizations, interactions and consents."""
