"""The relay process: carries committed events from a service's log to the broker."""
