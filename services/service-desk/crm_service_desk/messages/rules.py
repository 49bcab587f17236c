"""The kinds of messages."""

CUSTOMER, REPLY, NOTE = "CUSTOMER", "REPLY", "NOTE"
