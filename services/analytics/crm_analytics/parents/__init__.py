"""Parents: the resources whose owner and teams decide who sees an event."""
