"""Answers a POST with who it is and what it was told. A transformer asks its predictor too, on a connection a request.

Standard library only: it runs in a container of the bare base image, and beside the tests.
"""

from __future__ import annotations

import argparse
import http.client
import http.server
import json
import os
import pathlib
import socket
import sys
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--http_port", type=int, required=True)
parser.add_argument("--name", default="server")
parser.add_argument("--delay", type=float, default=0)
parser.add_argument("--show", action="append", default=[])
parser.add_argument("--predictor_host")
parser.add_argument("--sick")
args, _ = parser.parse_known_args()
ME = f"{socket.gethostname()}-{os.getpid()}"
together = 0
counting = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        # With --sick, /live fails once it was told so, until it is started again.
        self.answer({"path": self.path}, 500 if self.path == "/live" and getattr(self.server, "sick", False) else 200)

    def do_POST(self):
        global together
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/sick":
            self.server.sick = True
        with counting:
            together += 1
            told = {"together": together}
        time.sleep(args.delay)
        with counting:
            together -= 1
        told |= {"name": args.name, "me": ME, "argv": sys.argv[1:], "path": self.path}
        told["environment"] = {name: os.environ.get(name) for name in ("STORAGE_URI", "GREETING", "TOKEN", "ALL_key")}
        told["shown"] = [shown(pathlib.Path(path)) for path in args.show]
        if args.predictor_host:
            told["behind"] = asked(self.path, body)
        self.answer({"predictions": body.get("instances"), "told": told})

    def answer(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def shown(path):
    if path.is_dir():
        return {"entries": sorted(child.name for child in path.iterdir())}
    try:
        path.open("r+").close()
        writable = True
    except OSError:
        writable = False
    return {"text": path.read_text(), "mode": oct(path.stat().st_mode & 0o777), "writable": writable}


def asked(path, body):
    connection = http.client.HTTPConnection(args.predictor_host, timeout=20)
    connection.request("POST", path, json.dumps(body))
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return json.loads(text)["told"]["me"] if answer.status == 200 else answer.status


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64


Server((args.host, args.http_port), Handler).serve_forever()
