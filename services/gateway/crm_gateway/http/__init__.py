"""The few routes that no RPC can declare."""
