"""Roles: bundles of grants, and what they amount to together."""
