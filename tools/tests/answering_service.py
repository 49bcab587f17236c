"""A service with the suite's variables and nothing to do: it is ready when its servers answer."""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pika
import pymongo

PREFIX = f"{__package__.upper()}_"
COMMAND = sys.argv[1]
SETTINGS = {
    name.removeprefix(PREFIX): value
    for name, value in os.environ.items()
    if name.startswith(PREFIX)
}


def check_servers():
    with pymongo.MongoClient(SETTINGS["MONGODB_URI"], serverSelectionTimeoutMS=1000) as client:
        client[__package__]["things"].find_one()
    pika.BlockingConnection(pika.URLParameters(SETTINGS["RABBITMQ_URI"])).close()


class Pages(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            check_servers()
        except (pymongo.errors.PyMongoError, pika.exceptions.AMQPError) as error:
            self._answer(503, {"failing": type(error).__name__})
        else:
            self._answer(200, SETTINGS)

    def _answer(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


def serve(address):
    host, port = address.split(":")
    threading.Thread(target=ThreadingHTTPServer((host, int(port)), Pages).serve_forever).start()


if COMMAND == "bootstrap":
    sys.stdout.write("crm_live_0_0\n")
elif COMMAND != "migrate":
    serve(SETTINGS["METRICS_ADDRESS"])
    if COMMAND == "api" and "HTTP_ADDRESS" in SETTINGS:
        serve(SETTINGS["HTTP_ADDRESS"])
