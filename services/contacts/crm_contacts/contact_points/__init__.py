"""Contact points: the ways to reach a person or an organization."""
