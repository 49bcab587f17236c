"""Insights: what a customer's interactions, deals and cases add up to."""
