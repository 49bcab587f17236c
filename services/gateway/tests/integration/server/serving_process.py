"""A small application, served as the gateway is: python serving_process.py PORT NOTES."""

import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from flask import Flask, request

from crm_gateway.server import serve


@contextmanager
def running():
    notes = Path(sys.argv[2])

    def note(text):
        with notes.open("a") as file:
            file.write(f"{text}\n")

    note(f"opened by {os.getpid()}")
    app = Flask("served")

    @app.get("/pid")
    def pid():
        return str(os.getpid())

    @app.get("/slow")
    def slow():
        note("slow")
        time.sleep(1)
        return "done"

    @app.post("/size")
    def size():
        taken = 0
        while piece := request.stream.read(65_536):
            taken += len(piece)
        return str(taken)

    @app.get("/stream")
    def stream():
        return (b"x" * 1000 for _ in range(1000))

    yield app
    note("closed")


if __name__ == "__main__":
    serve(f"127.0.0.1:{sys.argv[1]}", running)
