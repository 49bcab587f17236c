"""Service desk: what customers want from us, and what is written about it."""
