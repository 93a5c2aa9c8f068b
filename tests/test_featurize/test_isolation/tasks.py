"""Tasks that behave, and many that do not."""

import ctypes
import fcntl
import math
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path


def echo(request):
    return {"said": request, "pid": os.getpid(), "folder": tempfile.gettempdir()}


def surroundings(request):
    return {"env": dict(os.environ), "folder": str(Path.cwd()), "path": sys.path}


def rank(request):
    return {
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "oom_score": int(Path("/proc/self/oom_score_adj").read_text()),
        "files": [str(Path(f"/proc/self/fd/{n}").readlink()) for n in range(3)],
    }


def blas_threads(request):
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones((64, 64)) @ np.ones((64, 64))
    return {"threads": [pool["num_threads"] for pool in threadpool_info()]}


def spend(request):
    deadline = time.process_time() + request["cpu_s"]
    while time.process_time() < deadline:
        math.sqrt(2.0)
    return {}


def misbehave(request):
    """Do what ``how`` says; with ``mark`` only the first time, and note the process each time."""
    Path(tempfile.gettempdir(), "left").mkdir(exist_ok=True)
    if mark := request.get("mark"):
        with Path(mark).open("a") as file:
            file.write(f"{os.getpid()}\n")
        if request.get("once") and len(Path(mark).read_text().split()) > 1:
            return {"pid": os.getpid()}
    answer = HOW[request["how"]](request)
    return {"pid": os.getpid()} if answer is None else answer


def segfault(request):
    ctypes.string_at(0)


def kill(request):
    os.kill(os.getpid(), signal.SIGKILL)


def leave(request):
    os._exit(7)


def leave_politely(request):
    threading.Thread(target=time.sleep, args=(600,)).start()
    sys.exit(3)


def hang(request):
    while True:
        time.sleep(0.01)


def hang_holding_the_gil(request):
    ctypes.PyDLL(None).sleep(int(request.get("sleep_s", 600)))


def wait_for_file(request):
    while not Path(request["path"]).exists():
        time.sleep(0.01)


def eat_fast(request):
    kept = []
    while True:
        kept.append(b"x" * (16 << 20))


def eat_slowly(request):
    kept = []
    while True:
        kept.append(b"x" * (4 << 20))
        time.sleep(0.02)


def leak(request):
    LEAKED.append(b"x" * int(request["mib"] * 2**20))


def print_a_lot(request):
    print('{"answer": {}, "cpu_s": 0.0}', flush=True)
    os.write(1, b'{"answer": {}, "cpu_s": 0.0}\n' * 5000)
    os.write(2, b"complaint\n" * 5000)
    os.system("echo from a shell")  # noqa: S605
    return {"stdin": sys.stdin.read()}


def answer_much(request):
    return {"text": "x" * request["n_bytes"]}


def answer_numbers(request):
    return {"numbers": [math.nan, math.inf, -math.inf, 1e-300, 0.1]}


def answer_no_json(request):
    return {"what": {1, 2}}


def answer_no_dict(request):
    return [1, 2]


def nothing(request):
    return None


def fail(request):
    raise ValueError("no such\nthing: é")


def close_everything(request):
    os.closerange(0, 1000)


def close_everything_and_hang(request):
    os.closerange(0, 1000)
    time.sleep(600)


def fork_and_both_return(request):
    os.fork()


def fork_and_die(request):
    if os.fork() == 0:
        time.sleep(600)
    os.kill(os.getpid(), signal.SIGSEGV)


def hold(request):
    kept = bytearray(b"x") * int(request["mib"] * 2**20)
    time.sleep(0.3)
    return {"n_bytes": len(kept)}


def leave_a_child(request):
    child = subprocess.Popen(["sleep", "600"], pass_fds=open_pipes())
    return {"child": child.pid}


def scribble(request):
    """Take over the worker's own pipe, as a decoder that was broken into could."""
    for pipe in open_pipes():
        try:
            os.write(pipe, request["text"].encode("latin-1"))
        except OSError:
            continue
    if request.get("stay"):
        time.sleep(600)


def babble(request):
    """Say something unasked, a little after the answer."""
    threading.Timer(request["delay_s"], scribble, [{"text": "x"}]).start()


def trickle(request):
    (pipe,) = (number for number in open_pipes() if is_writable(number))
    while True:
        os.write(pipe, b"x")


def open_pipes():
    folder = Path("/proc/self/fd")
    numbers = [int(name) for name in os.listdir(folder)]  # noqa: PTH208
    return [n for n in numbers if n > 2 and os.path.realpath(folder / str(n)).count("pipe:")]


def is_writable(number):
    return fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY


LEAKED = []
HOW = {
    name: thing
    for name, thing in list(globals().items())
    if getattr(thing, "__module__", "") == __name__
} | {"abort": lambda request: os.abort()}
