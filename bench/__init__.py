"""Measurements of the suite, each beside its yardstick: the same work by the bare libraries."""
