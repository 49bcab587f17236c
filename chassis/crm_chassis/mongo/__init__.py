"""What every service keeps in MongoDB beside its resources."""
