"""Asks the network service, over the unix socket in the state directory, which only the cloud's owner may open."""

import json
import os
import socket
from typing import Any

from adapters.embedded.errors import CloudError
from adapters.embedded.layout import Layout

OUTSIDE = "outside"  # the host on the external network that stands for the internet


def ask(place: Layout, timeout: float = 10.0, **question: object) -> dict[str, Any]:
    """Ask one thing and return the answer; raise OSError if there is none, CloudError if it is a refusal."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(str(place.switch_control))
        connection.sendall(json.dumps(question).encode() + b"\n")
        with connection.makefile("rb") as answers:
            answer: dict[str, Any] = json.loads(answers.readline() or b'{"error": "the network service ended"}')
    if "error" in answer:
        raise CloudError(str(answer["error"]))
    return answer


def answers(place: Layout, timeout: float = 3.0) -> bool:
    """Return whether the network service runs and all of its programs do."""
    try:
        ask(place, timeout, op="ping")
    except (OSError, ValueError, CloudError):
        return False
    return True


def inside(place: Layout, server: str) -> list[str]:
    """Return the command prefix that runs a program in a server's network namespace, or in that of OUTSIDE."""
    there = ask(place, op="namespace", server=server)
    process = f"/proc/{there['pid']}"
    user = [] if os.geteuid() == 0 else [f"--user={process}/ns/user", "--preserve-credentials"]
    return ["nsenter", *user, f"--net={process}/fd/{there['fd']}", "--"]
