"""Measurements of the suite, each beside its yardstick: the same work done with the bare libraries."""
