#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A client of the monitor API 1.3: asks an agent for events, and prints what it answers as lines of JSON.

    client.py [--request JSON] [SOCKET]

It needs nothing but the standard library. docs/api-1.3.md explains what it does.
"""

import argparse
import json
import socket
import struct
import sys

REQUEST, GREETING, DICTIONARY, EVENT, LOSS, REFUSAL, LIVE, END, SKIPPED = range(1, 10)

HEAD = struct.Struct("<IB3x")  # length of the body, kind
EVENT_FIELDS = struct.Struct("<qiI")  # time, CPU, length of the data
LOSS_FIELDS = struct.Struct("<qQiBBB")  # time, count, CPU, cause, message type, flags
SKIPPED_FIELDS = struct.Struct("<Q")  # number of events
AT_LEAST = 1  # a flag of a loss

MAX_BODY = 16 << 20
CAUSES = {1: "kernel", 2: "reader", 3: "rate-limit", 4: "history"}


def frames(stream):
    """Yields the kind and the body of each frame."""
    while head := stream.read(HEAD.size):
        if len(head) < HEAD.size:
            raise EOFError("the stream ends inside a frame")
        size, kind = HEAD.unpack(head)
        if size > MAX_BODY:
            raise ValueError(f"a frame of {size} bytes")
        body = stream.read(size)
        if len(body) < size:
            raise EOFError("the stream ends inside a frame")
        yield kind, body


def update(names, changes):
    """Changes a dictionary."""
    for member, value in changes.items():
        if not isinstance(value, dict):
            names[member] = value  # node, denyRules
            continue
        known = names.setdefault(member, {})
        for number, name in value.items():
            if name:
                known[number] = name
            else:
                known.pop(number, None)  # it is gone


def messages(stream):
    """Yields what the agent says, and the dictionary at that time."""
    names = {}
    for kind, body in frames(stream):
        if kind == GREETING:
            greeting = json.loads(body)
            update(names, greeting["dictionary"])
            yield {"greeting": greeting}, names
        elif kind == DICTIONARY:
            update(names, json.loads(body))
            yield {"dictionary": names}, names
        elif kind == EVENT:
            time, cpu, size = EVENT_FIELDS.unpack_from(body)
            data = body[EVENT_FIELDS.size:EVENT_FIELDS.size + size]
            if not data or len(data) < size:
                raise ValueError("an event without all its data")
            name = names.get("messageTypes", {}).get(str(data[0]), data[0])
            yield {"time": time, "cpu": cpu, "type": name, "data": data.hex()}, names
        elif kind == LOSS:
            time, count, cpu, cause, typ, flags = LOSS_FIELDS.unpack_from(body)
            loss = {"time": time, "lost": count, "cpu": cpu, "cause": CAUSES.get(cause, cause)}
            if flags & AT_LEAST:
                loss["atLeast"] = True
            if typ:
                loss["type"] = names.get("messageTypes", {}).get(str(typ), typ)
            yield loss, names
        elif kind == SKIPPED:
            yield {"skipped": SKIPPED_FIELDS.unpack_from(body)[0]}, names
        elif kind == LIVE:
            yield {"live": True}, names
        elif kind == END:
            yield {"end": True}, names
            return
        elif kind == REFUSAL:
            yield {"refusal": json.loads(body)}, names
            return
        # Frames of other kinds are of a newer version.


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--request", type=json.loads, default={}, help="what is wanted, see docs/api-1.3.md")
    parser.add_argument("socket", nargs="?", default="/var/run/cilium/monitor1_3.sock")
    args = parser.parse_args()

    request = json.dumps({"version": "1.3", "client": "client.py", **args.request}).encode()
    with socket.socket(socket.AF_UNIX) as agent:
        agent.connect(args.socket)
        agent.sendall(HEAD.pack(len(request), REQUEST) + request)
        for message, _ in messages(agent.makefile("rb")):
            print(json.dumps(message), flush=True)
            if "refusal" in message:
                sys.exit(1)


if __name__ == "__main__":
    main()
