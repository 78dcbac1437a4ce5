"""PyTorch as a contestant, on as many threads as asked: answers requests on standard input, one JSON line each, as ../serve.ts does."""

import json
import math
import os
import re
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

THREADS = int(sys.argv[1]) if len(sys.argv) > 1 else 1
torch.set_num_threads(THREADS)


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


OPERATIONS = [
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
]


def given(tensor):
    return torch.tensor(tensor["values"], dtype=torch.float32).reshape(tensor["shape"])


class Supernet:
    """The SNAS supernet, as DARTS's code has it: every operation on every edge, weighted by Z."""

    def __init__(self, exchange):
        self.nodes, self.stem_stride = exchange["nodes"], exchange["stemStride"]
        self.p = {name: given(p).requires_grad_(True) for name, p in exchange["parameters"].items()}
        self.cells = 1 + max(int(name.split(".")[1]) for name in self.p if name.startswith("cells."))
        self.running = {}

    def norm(self, x, name, affine=False):
        """Statistics of the batch; running ones are kept as in training."""
        if name not in self.running:
            self.running[name] = torch.zeros(x.shape[1]), torch.ones(x.shape[1])
        mean, var = self.running[name]
        weight, bias = (self.p[f"{name}.weight"], self.p[f"{name}.bias"]) if affine else (None, None)
        return F.batch_norm(x, mean, var, weight, bias, True)

    def halve(self, x, name):
        r = F.relu(x)
        right, bottom = x.shape[3] % 2, x.shape[2] % 2
        shifted = F.pad(r[:, :, 1:, 1:], (0, right, 0, bottom))
        both = [F.conv2d(r, self.p[f"{name}.conv1.weight"], stride=2), F.conv2d(shifted, self.p[f"{name}.conv2.weight"], stride=2)]
        return self.norm(torch.cat(both, 1), f"{name}.bn")

    def operation(self, x, name, kind, stride):
        if kind == "skip_connect":
            return x if stride == 1 else self.halve(x, name)
        if kind == "max_pool_3x3":
            return self.norm(F.max_pool2d(x, 3, stride, 1), f"{name}.1")
        if kind == "avg_pool_3x3":
            return self.norm(F.avg_pool2d(x, 3, stride, 1, count_include_pad=False), f"{name}.1")
        dilation = 2 if kind.startswith("dil") else 1
        at = 1
        while f"{name}.{at}.weight" in self.p:
            w = self.p[f"{name}.{at}.weight"]
            padding = (w.shape[2] - 1) * dilation // 2
            x = F.conv2d(F.relu(x), w, stride=stride, padding=padding, dilation=dilation, groups=x.shape[1])
            x = self.norm(F.conv2d(x, self.p[f"{name}.{at + 1}.weight"]), f"{name}.{at + 2}")
            at, stride = at + 4, 1
        return x

    def cell(self, s0, s1, index, z):
        name = f"cells.{index}"
        if f"{name}.preprocess0.conv1.weight" in self.p:
            s0 = self.halve(s0, f"{name}.preprocess0")
        else:
            s0 = self.norm(F.conv2d(F.relu(s0), self.p[f"{name}.preprocess0.1.weight"]), f"{name}.preprocess0.2")
        s1 = self.norm(F.conv2d(F.relu(s1), self.p[f"{name}.preprocess1.1.weight"]), f"{name}.preprocess1.2")
        states, edge = [s0, s1], 0
        reduces = f"{name}.edges.0.skip_connect.conv1.weight" in self.p
        edges = sum(2 + i for i in range(self.nodes))
        rows = z[edges:] if reduces else z[:edges]
        for _ in range(self.nodes):
            total = 0
            for source, x in enumerate(states):
                stride = 2 if reduces and source < 2 else 1
                for column, kind in enumerate(OPERATIONS):
                    if kind != "none":
                        total = total + rows[edge, column] * self.operation(x, f"{name}.edges.{edge}.{kind}", kind, stride)
                edge += 1
            states.append(total)
        return torch.cat(states[2:], 1)

    def forward(self, x, z):
        s0 = self.norm(F.conv2d(x, self.p["stem.0.weight"], stride=self.stem_stride, padding=1), "stem.1", True)
        s1 = s0
        for index in range(self.cells):
            s0, s1 = s1, self.cell(s0, s1, index, z)
        return F.linear(s1.mean((2, 3)), self.p["classifier.weight"], self.p["classifier.bias"])


def snas_step(task):
    """A whole step: one backward pass for weights (SGD, clipped) and log alpha (Adam), from the numbers in the task's file."""
    with open(task["exchange"]) as file:
        exchange = json.load(file)
    net = Supernet(exchange)
    weights = list(net.p.values())
    alpha = given(exchange["logAlpha"]).requires_grad_(True)
    noise = torch.tensor(exchange["noise"], dtype=torch.float32).reshape(alpha.shape)
    images = given(exchange["images"])
    labels = torch.tensor(exchange["labels"], dtype=torch.long)
    w, a = exchange["weights"], exchange["architecture"]
    sgd = torch.optim.SGD(weights, w["lr"], momentum=w["momentum"], weight_decay=w["weightDecay"])
    adam = torch.optim.Adam([alpha], a["lr"], betas=tuple(a["betas"]), weight_decay=a["weightDecay"])

    def step():
        sgd.zero_grad(set_to_none=True)
        adam.zero_grad(set_to_none=True)
        z = torch.softmax((alpha + noise) / exchange["temperature"], 1)
        F.cross_entropy(net.forward(images, z), labels).backward()
        torch.nn.utils.clip_grad_norm_(weights, w["clip"])
        sgd.step()
        adam.step()

    def check():
        before = [p.detach().clone() for p in [*weights, alpha]]
        step()
        changes = [(p.detach() - b).double() for p, b in zip([*weights, alpha], before)]
        places = torch.arange(1, alpha.numel() + 1, dtype=torch.float64)
        return [float(c.norm()) for c in changes[:-1]] + [float((changes[-1].flatten() * places).sum())]

    return step, check


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
    start = time.perf_counter()
    if task["operation"] == "snasStep":
        run, check = snas_step(task)
        norms = check()
    else:
        run, before = build(task)
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
                reply = {"name": "PyTorch", "version": torch.__version__, "on": f"threads: {THREADS}, {blas()}"}
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
