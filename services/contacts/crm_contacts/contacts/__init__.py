"""Contacts: the people that the company deals with."""
