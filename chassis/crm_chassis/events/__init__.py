"""Events: their envelope, the catalogue of their types, the broker's topology."""
