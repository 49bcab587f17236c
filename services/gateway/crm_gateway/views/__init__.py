"""What the gateway composes itself, from the answers of several services."""
