"""Targets: how soon a case is to be answered and resolved."""
