"""Asks the gateway from inside of the cluster: runs in a pod, and needs nothing but Python.

`load.py URL KEY_FILE STARTED STOP` makes the file STARTED when everybody has had an answer, and
goes on until somebody makes the file STOP. Then it tells, as JSON, how many answers came and which
requests failed. Nothing is tried twice.
"""

import http.client
import json
import pathlib
import select
import sys
import threading
import time
import urllib.parse
import uuid

THREADS = 4
PAUSE = 0.05
PATIENCE = 15
TOLD = 20


class Client:
    """Somebody who asks: on one connection until the server ends it, or each time on a new one."""

    def __init__(self, url, key, keeps):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)
        self.connection.timeout = PATIENCE
        self.keeps = keeps
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.answers, self.slowest, self.failures = 0, 0.0, []

    def ask(self, method, path, body=None, etag=""):
        began = time.monotonic()
        headers = {**self.headers, **({"If-Match": etag} if etag else {})}
        try:
            if not self.keeps or self.is_ended():
                self.connection.close()
            self.connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = self.connection.getresponse()
            content = answer.read()
            if answer.status != http.HTTPStatus.OK:
                raise OSError(f"{answer.status}: {content[:300]!r}")
        except (OSError, http.client.HTTPException) as error:
            moment = time.strftime("%H:%M:%S")
            self.failures.append(f"{moment} {method} {path}: {type(error).__name__} {error}")
            self.connection.close()
            return None
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)
        self.answers += 1
        return json.loads(content)

    def is_ended(self):
        """Whether the server has ended the connection since the last answer."""
        return self.connection.sock and select.select([self.connection.sock], [], [], 0)[0]

    def look_after_somebody(self):
        """A customer's day: each service has something to do."""
        contact = self.ask("POST", "/v1/contacts", {"givenName": "Ann", "familyName": word()})
        if contact is None:
            return
        name = contact["name"]
        self.ask("PATCH", f"/v1/{name}", {"lifecycleStage": "LEAD"}, contact["etag"])
        said = {"channel": "PHONE", "direction": "INBOUND", "subject": "Hello"}
        self.ask("POST", f"/v1/{name}/interactions", said)
        deal = {"displayName": "Chairs", "contacts": [{"contact": name}]}
        self.ask("POST", "/v1/deals", deal)
        self.ask("POST", "/v1/cases", {"subject": "A leg is missing", "contact": name})
        self.ask("POST", "/v1/audiences", {"displayName": word()})
        self.ask("GET", f"/v1/{name}:customerView")
        self.ask("GET", "/v1/contacts?pageSize=20")
        self.ask("GET", "/v1/kpis")


def word():
    return "w" + uuid.uuid4().hex[:12]


def work(client, stop):
    while not stop.exists():
        client.look_after_somebody()
        time.sleep(PAUSE)


def main(url, key_file, *marks):
    key = pathlib.Path(key_file).read_text().strip()
    started, stop = map(pathlib.Path, marks)
    clients = [Client(url, key, keeps=number % 2 == 0) for number in range(THREADS)]
    threads = [threading.Thread(target=work, args=(client, stop)) for client in clients]
    for thread in threads:
        thread.start()
    while not all(client.answers for client in clients):
        time.sleep(PAUSE)
    started.touch()
    for thread in threads:
        thread.join()
    failures = [failure for client in clients for failure in client.failures]
    told = {
        "answers": sum(client.answers for client in clients),
        "slowest": max(client.slowest for client in clients),
        "failed": len(failures),
        "failures": sorted(failures)[:TOLD],
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
