"""An object store on this machine for tests: moto's server, in a process of its own.

deltalake waits for its answers without letting other threads of the process run, so a server in a thread would never
get to answer.
"""

import subprocess
import sys
import urllib.request
from contextlib import contextmanager

SERVE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("at", *server.get_host_and_port(), flush=True)
sys.stdin.read()
server.stop()
"""
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}


@contextmanager
def server(bucket="desk"):
    """Run a server with one bucket; give what `storage` is set to. Credentials go into the environment."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        words = next(line.split() for line in process.stdout if line.startswith("at "))
        url = f"http://{words[1]}:{words[2]}"
        urllib.request.urlopen(urllib.request.Request(f"{url}/{bucket}", method="PUT"), timeout=10).close()
        yield {"aws_endpoint_url": url, "aws_region": "us-east-1", "aws_allow_http": "true"}
    finally:
        process.stdin.close()
        process.wait(timeout=20)
        process.stdout.close()
