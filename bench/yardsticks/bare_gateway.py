"""A bare Flask route in front of empty gRPC servers asked in parallel, served as ours is."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import grpc
from flask import Flask
from google.protobuf.empty_pb2 import Empty

from bench.yardsticks.empty_service import METHOD
from crm_gateway.server import serve


@contextmanager
def running(ports: Sequence[str]) -> Iterator[Flask]:
    """The application: `/` asks the server on each port and answers an empty object."""
    with ExitStack() as opened:
        channels = [
            opened.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}")) for port in ports
        ]
        calls = [
            channel.unary_unary(
                METHOD,
                request_serializer=Empty.SerializeToString,
                response_deserializer=Empty.FromString,
            )
            for channel in channels
        ]
        app = Flask("bench")

        @app.get("/")
        def root() -> tuple[str, dict[str, str]]:
            if len(calls) == 1:
                calls[0](Empty(), timeout=3)
            else:
                for asked in [call.future(Empty(), timeout=3) for call in calls]:
                    asked.result()
            return "{}", {"Content-Type": "application/json"}

        yield app


if __name__ == "__main__":
    serve(f"127.0.0.1:{sys.argv[1]}", partial(running, sys.argv[2:]))
