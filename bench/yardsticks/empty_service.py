"""An empty Python gRPC server: answers every call with an empty message."""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.empty_pb2 import Empty

METHOD = "/bench.Empty/Call"


def main() -> None:
    """Serve on the port that the command line names."""
    handler = grpc.unary_unary_rpc_method_handler(
        lambda _request, _context: Empty(),
        request_deserializer=Empty.FromString,
        response_serializer=Empty.SerializeToString,
    )
    server = grpc.server(ThreadPoolExecutor(16))
    server.add_registered_method_handlers("bench.Empty", {"Call": handler})
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("bench.Empty", {"Call": handler}),)
    )
    server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
