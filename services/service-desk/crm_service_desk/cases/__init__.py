"""Cases: what customers want, until it is done."""
