"""gRPC: the server, what it does around every call, and calls to others."""
