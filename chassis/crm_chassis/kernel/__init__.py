"""Plain Python that rules may use: refusals, ids, the clock, money."""
