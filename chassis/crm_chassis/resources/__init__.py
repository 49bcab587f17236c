"""Resources: how they are stored, changed, announced, read and shown."""
