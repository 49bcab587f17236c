"""Tells which of the addresses it is given (`host:port`) take a connection: runs in a pod."""

import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

PATIENCE = 3


def is_open(address):
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), PATIENCE):
            return True
    except ConnectionRefusedError:
        # Somebody was reached, who does not listen: a policy leaves no answer at all.
        return True
    except OSError:
        return False


def main(addresses):
    with ThreadPoolExecutor(len(addresses)) as threads:
        answers = threads.map(is_open, addresses)
        sys.stdout.write(json.dumps(dict(zip(addresses, answers, strict=True))))


if __name__ == "__main__":
    main(sys.argv[1:])
