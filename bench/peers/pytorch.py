"""PyTorch on one thread as a contestant: answers requests on standard input, one JSON line each, as ../serve.ts does."""

import json
import math
import os
import re
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)


def uniform(seed, counter):
    """In (0, 1): the finaliser of MurmurHash3 on seed and counter, as in ../data.ts."""
    h = np.uint32((seed + 1) * 0x9E3779B1 & 0xFFFFFFFF) ^ counter.astype(np.uint32)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return ((h ^ (h >> np.uint32(16))).astype(np.float64) + 0.5) / 2**32


def put(spec):
    size = math.prod(spec["shape"])
    if spec["fill"] == "ones":
        values = np.ones(size)
    elif spec["fill"] == "zeros":
        values = np.zeros(size)
    elif spec["fill"] == "labels":
        return torch.from_numpy(7 * np.arange(size) % spec["classes"])
    else:
        i = np.arange(size)
        radius = np.sqrt(-2 * np.log(uniform(spec["seed"], 2 * i)))
        values = spec["scale"] * radius * np.cos(2 * np.pi * uniform(spec["seed"], 2 * i + 1))
    return torch.from_numpy(values.astype(np.float32)).reshape(spec["shape"])


def depthwise(x, w, dilation):
    return F.conv2d(x, w, padding=(w.shape[2] - 1) * dilation // 2, dilation=dilation, groups=x.shape[1])


def same(x, w):
    return F.conv2d(x, w, padding=(w.shape[2] - 1) // 2)


def batch_norm(x, weight=None, bias=None):
    return F.batch_norm(x, None, None, weight, bias, True)


def max_pool(x):
    return F.max_pool2d(x, 3, 1, 1)


def avg_pool(x):
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def cnn_loss(x, labels, *p):
    h = x
    for i in range(3):
        h = F.relu(batch_norm(same(h, p[i]), p[3 + i], p[6 + i]))
    return F.cross_entropy(F.linear(F.max_pool2d(h, 2).flatten(1), p[9], p[10]), labels)


def mixed_op(x, alpha, *w):
    def block(h, at, dilation):
        return batch_norm(F.conv2d(depthwise(F.relu(h), w[at], dilation), w[at + 1]))

    p = torch.softmax(alpha, 0)
    outputs = [
        x * 0,
        batch_norm(max_pool(x)),
        batch_norm(avg_pool(x)),
        x,
        block(block(x, 0, 1), 2, 1),
        block(block(x, 4, 1), 6, 1),
        block(x, 8, 2),
        block(x, 10, 2),
    ]
    return sum(y * p[i] for i, y in enumerate(outputs))


COMPUTE = {
    "matmul": lambda task: torch.matmul,
    "conv": lambda task: same,
    "separable": lambda task: lambda x, w, p: F.conv2d(depthwise(x, w, task["dilation"]), p),
    "depthwise": lambda task: lambda x, w: depthwise(x, w, task["dilation"]),
    "batchNorm": lambda task: batch_norm,
    "maxPool": lambda task: max_pool,
    "avgPool": lambda task: avg_pool,
    "crossEntropy": lambda task: F.cross_entropy,
    "cnnStep": lambda task: cnn_loss,
    "mixedOp": lambda task: mixed_op,
}


def build(task):
    """The task as a function that returns its results, and what a step's results are differences from."""
    f = COMPUTE[task["operation"]](task)
    inputs = [put(spec) for spec in task["inputs"]]
    if task["direction"] == "f":

        def forward():
            with torch.no_grad():
                return [f(*inputs)]

        return forward, None
    wanted = [x.requires_grad_(True) for x, spec in zip(inputs, task["inputs"]) if x.is_floating_point()]
    if task["direction"] == "fb":
        cotangent = put(task["cotangent"]) if "cotangent" in task else None
        return lambda: torch.autograd.grad(f(*inputs), wanted, cotangent), None
    parameters = inputs[2:]
    inputs[0].requires_grad_(False)

    def step():
        gradients = torch.autograd.grad(f(*inputs), parameters)
        with torch.no_grad():
            for p, g in zip(parameters, gradients):
                p.sub_(g, alpha=0.01)
        return [p.detach() for p in parameters]

    return step, [p.detach().clone() for p in parameters]


def sample(run, runs):
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(runs):
        run()
    return {"wall": (time.perf_counter() - wall) * 1e3 / runs, "cpu": (time.process_time() - cpu) * 1e3 / runs}


def prepare(task):
    run, before = build(task)
    start = time.perf_counter()
    results = run()
    norms = [float((r if before is None else r - before[i]).norm()) for i, r in enumerate(results)]
    first = (time.perf_counter() - start) * 1e3
    run()
    return run, {"first": first, "warm": sample(run, 1)["wall"], "norms": norms}


def blas():
    """Which library does the matrix products: the reference BLAS of some systems is ten times slower than the others."""
    torch.ones(64, 64) @ torch.ones(64, 64)
    try:
        with open("/proc/self/maps") as maps:
            files = {os.path.basename(os.path.realpath(line.split()[-1])) for line in maps if "/" in line}
    except OSError:
        return "BLAS unknown"
    return ", ".join(sorted(f for f in files if re.search(r"blas|mkl_rt|mkl_core", f))) or "its own BLAS"


def main():
    run = None
    for line in sys.stdin:
        try:
            request = json.loads(line)
            if request["ask"] == "identity":
                reply = {"name": "PyTorch", "version": torch.__version__, "on": f"one thread, {blas()}"}
            elif request["ask"] == "prepare":
                run, reply = prepare(request["task"])
            elif request["ask"] == "sample":
                reply = sample(run, request["runs"])
            else:
                run, reply = None, {}
        except Exception as error:  # whatever it is, the other end decides
            reply = {"error": str(error)[:300]}
        print("@answer " + json.dumps({**reply, "gpuErrors": []}), flush=True)


main()
