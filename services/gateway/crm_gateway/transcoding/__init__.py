"""REST <-> gRPC from the protos alone: no route is written by hand."""
