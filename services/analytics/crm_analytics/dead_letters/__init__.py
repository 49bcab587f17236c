"""Dead letters: what any service could not take, in one list."""
