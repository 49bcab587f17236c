"""Who asks: from what a request shows to the internal token that services believe."""
