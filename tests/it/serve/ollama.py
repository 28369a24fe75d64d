#!/usr/bin/env -S python3 -SE
"""A stand-in for the program `ollama`: the server as `ollama-tap serve` starts it, and a few of its commands.

STANDIN_DIR is where it leaves what the tests look at: `runs` has a line for every start of a server: the ids of the process that
started it, of itself, and of its child; `environment` is that of the last start; `resets` has a line for every prompt that was
answered by a reset: "die", after which it ends, and "reset", the first time. STANDIN says, in words, how the server behaves:

    crash       ends at once, in failure
    crash-once  so does the first one
    late        takes connections, and answers once there is a file `go`
    mute        answers no `HEAD /` once there is a file `mute`
    deaf        ignores the polite signal to end
    parent      starts a process that outlives it, and holds its port
    chatty      writes lines of every level, on both its outputs

The prompts "held" and "cut" are answered to the end once there is a file `go`. To "cut" and to "as long", the reply counts what Ollama
leaves of a prompt that is too long for 1,024 tokens; of "cut" its log tells that it did so, once there is a file `cut`.
"""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

BEHAVIOUR = os.environ.get("STANDIN", "").split(",")
DIRECTORY = os.environ.get("STANDIN_DIR", ".")
VERSION = '{"version":"0.99.0"}'
TAGS = '{"models":[{"name":"talk:latest","model":"talk:latest"}]}'
TOKEN = '{"model":"talk","created_at":"2026-11-21T08:49:09Z","response":"%s","done":false}\n'
DONE = (
    '{"model":"talk","created_at":"2026-11-21T08:49:09Z","response":"","done":true,"done_reason":"stop","total_duration":82762732,'
    '"load_duration":989213,"prompt_eval_count":3,"prompt_eval_duration":2957000,"eval_count":2,"eval_duration":75846000}\n'
)
CUT = 'time=2026-11-29T08:49:09.000Z level=WARN source=llama_server.go:317 msg="truncating input prompt" limit=514 prompt=1025 keep=4 new=514'


def here(name):
    return os.path.join(DIRECTORY, name)


def wait_for(name):
    while not os.path.exists(here(name)):
        time.sleep(0.005)


def address():
    host = os.environ.get("OLLAMA_HOST", "127.0.0.1:11434").removeprefix("http://")
    name, port = host.rsplit(":", 1)
    return name, int(port)


def serve():
    is_first = not os.path.exists(here("runs"))
    ids = [os.getppid(), os.getpid()]
    listener = socket.socket()
    with open(here("environment"), "w") as file:
        json.dump(dict(os.environ), file)
    if "parent" in BEHAVIOUR:
        ids.append(subprocess.Popen(["sleep", "600"], pass_fds=[listener.fileno()]).pid)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address())
    except OSError:
        sys.exit("Error: listen tcp %s:%d: bind: address already in use" % address())
    finally:
        with open(here("runs"), "a") as file:
            print(*ids, file=file)
    if "chatty" in BEHAVIOUR:
        print("a line of no level", flush=True)
        print("time=2026-11-21T08:49:09.000Z level=WARN msg=careful", file=sys.stderr)
        print("time=2026-11-21T08:49:09.000Z level=DEBUG msg=whisper", file=sys.stderr)
    if "crash" in BEHAVIOUR or "crash-once" in BEHAVIOUR and is_first:
        sys.exit("Error: out of luck")
    if "deaf" in BEHAVIOUR:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    listener.listen(64)
    if "late" in BEHAVIOUR:
        wait_for("go")
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=converse, args=(connection,), daemon=True).start()


def converse(connection):
    stream = connection.makefile("rwb")
    try:
        while start := stream.readline():
            headers = {}
            while (line := stream.readline().strip()):
                name, value = line.decode().lower().split(":", 1)
                headers[name] = value.strip()
            method, path = start.decode().split()[:2]
            body = stream.read(int(headers.get("content-length", 0))).decode()
            if method == "POST" and resets(connection, json.loads(body).get("prompt", "")):
                return
            answer(stream, method, path, body)
            stream.flush()
    except OSError:
        pass


def answer(stream, method, path, body):
    if method == "POST":
        return generate(stream, json.loads(body).get("prompt", ""))
    text = {"/api/version": VERSION, "/api/tags": TAGS, "/api/ps": '{"models":[]}', "/": "Ollama is running"}.get(path)
    if "mute" in BEHAVIOUR and method == "HEAD" and os.path.exists(here("mute")):
        threading.Event().wait()
    status = "404 Not Found" if text is None else "200 OK"
    text = text or "404 page not found"
    head = "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(text))
    stream.write((head + ("" if method == "HEAD" else text)).encode())


def resets(connection, prompt):
    if prompt != "die" and (prompt != "reset" or os.path.exists(here("resets"))):
        return False
    with open(here("resets"), "a") as file:
        print(prompt, file=file)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())
    if prompt == "die":
        time.sleep(0.05)  # takes connections for a moment longer
        os._exit(1)
    return True


def generate(stream, prompt):
    if prompt == "cut":
        wait_for("cut")
        print(CUT, file=sys.stderr, flush=True)
    stream.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
    piece = lambda text: stream.write(b"%x\r\n%s\r\n" % (len(text), text.encode())) and stream.flush()
    piece(TOKEN % "It is ")
    while prompt == "for ever":
        piece(TOKEN % "on and ")
        time.sleep(0.002)
    if prompt in ("held", "cut"):
        wait_for("go")
    piece(TOKEN % "blue.")
    count = 514 if prompt in ("cut", "as long") else 3
    piece(DONE.replace('"prompt_eval_count":3', '"prompt_eval_count":%d' % count))
    stream.write(b"0\r\n\r\n")


def ask(method, path, body=""):
    """The lines of the reply's body."""
    connection = socket.create_connection(address())
    head = "%s %s HTTP/1.0\r\nHost: %s:%d\r\nUser-Agent: ollama/0.99.0\r\nContent-Length: %d\r\n\r\n"
    connection.sendall((head % (method, path, *address(), len(body)) + body).encode())
    reply = connection.makefile("rb").read().decode()
    return reply.partition("\r\n\r\n")[2].splitlines()


def say(prompt):
    for line in ask("POST", "/api/generate", json.dumps({"model": "talk", "prompt": prompt})):
        print(json.loads(line)["response"], end="", flush=True)
    print()


def chat():
    def interrupted(*_):
        print("\nUse Ctrl + d or /bye to exit.\n>>> ", end="", flush=True)

    signal.signal(signal.SIGINT, interrupted)
    print(">>> ", end="", flush=True)
    for line in sys.stdin:
        if line.strip() == "/bye":
            return
        say(line.strip())
        print(">>> ", end="", flush=True)


def wait():
    for number in [signal.SIGINT, signal.SIGTERM]:
        signal.signal(number, lambda number, _: (os.write(2, b"told %d\n" % number), os._exit(42)))
    print("waiting at", os.environ.get("OLLAMA_HOST"), "as", os.getpid(), file=sys.stderr, flush=True)
    while True:
        signal.pause()


def main(words):
    match words:
        case ["serve"]:
            serve()
        case ["list"]:
            for model in json.loads("".join(ask("GET", "/api/tags")))["models"]:
                print(model["name"])
        case ["run", "talk"]:
            chat()
        case ["run", "talk", prompt]:
            say(prompt)
        case ["ps"]:
            print(json.dumps(dict(os.environ)))
        case ["pull", "wait"]:
            wait()
        case ["stop", code]:
            sys.exit(int(code))
        case ["push", number]:
            os.kill(os.getpid(), int(number))
        case ["--help"]:
            print("Available Commands:\n  run    Run a model\n  serch  Find a model")
        case ["help" | "-v" | "launch" | "search" | "serch", *_]:
            print("these words:", *words)
        case _:
            sys.exit("Error: unknown command " + repr(words))


main(sys.argv[1:])
