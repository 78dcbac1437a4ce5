"""Golden values of NaN, infinities and zeros: values and gradients (of the sum) of operations in float32 on the CPU."""
import math

import torch
import torch.nn.functional as F
from torch.distributions import Categorical

NAN, INF = math.nan, math.inf
SPECIAL = [NAN, INF, -INF, 0.0, -0.0, 1.0, -2.0]
ROWS = [
    [1, NAN, 3], [NAN, NAN, 1], [INF, 1, 0], [-INF, 1, 2], [-INF, -INF, -INF], [INF, -INF, 0], [0, -INF, 0], [INF, INF, 1], [0, 0, 0],
]
PAIRS = [(a, b) for a in SPECIAL for b in SPECIAL]


def word(x):
    return 'NaN' if math.isnan(x) else ('-' if x < 0 else '') + 'Infinity' if math.isinf(x) else '-0' if x == 0 and math.copysign(1, x) < 0 else x


def case(name, f, *inputs):
    xs = [torch.tensor(x, dtype=torch.float32, requires_grad=True) for x in inputs]
    y = f(*xs)
    grads = torch.autograd.grad(y.sum(), xs, allow_unused=True) if y.requires_grad else [None] * len(xs)
    flat = lambda t: None if t is None else [word(v) for v in t.detach().flatten().tolist()]
    return dict(name=name, inputs=[flat(x) for x in xs], shapes=[list(x.shape) for x in xs], value=flat(y), gradients=[flat(g) for g in grads])


UNARY = {
    'neg': torch.neg, 'exp': torch.exp, 'log': torch.log, 'sqrt': torch.sqrt, 'reciprocal': torch.reciprocal, 'relu': torch.relu,
    'step': lambda x: (x > 0).float(), 'tanh': torch.tanh, 'erf': torch.erf, 'sigmoid': torch.sigmoid, 'softplus': F.softplus,
    'logSigmoid': F.logsigmoid, 'abs': torch.abs, 'square': torch.square, 'gelu': F.gelu,
}
BINARY = {
    'add': torch.add, 'sub': torch.sub, 'mul': torch.mul, 'div': torch.div, 'maximum': torch.maximum, 'minimum': torch.minimum,
    'greater': lambda a, b: (a > b).float(), 'equal': lambda a, b: (a == b).float(),
}
ROW = {
    'sum': lambda x: x.sum(-1), 'mean': lambda x: x.mean(-1), 'variance': lambda x: x.var(-1, unbiased=False),
    'max': lambda x: torch.stack([r.max() for r in x]), 'logSumExp': lambda x: torch.logsumexp(x, -1),
    'softmax': lambda x: torch.softmax(x, -1), 'logSoftmax': lambda x: torch.log_softmax(x, -1),
    'categoricalEntropy': lambda x: Categorical(logits=x, validate_args=False).entropy(),
    'crossEntropy': lambda x: F.cross_entropy(x, torch.full((len(x),), 2), reduction='none'),
}


def special_cases():
    for name, f in UNARY.items():
        yield case(name, f, SPECIAL)
    for name, f in BINARY.items():
        yield case(name, f, [a for a, _ in PAIRS], [b for _, b in PAIRS])
    yield case('where', lambda c, a, b: torch.where(c.bool(), a, b), SPECIAL, [1.0] * 7, [2.0] * 7)
    for name, f in ROW.items():
        # One row at a time, for a NaN spoils the gradient of its own alone.
        yield case(name, f, ROWS)
    for rows in [[[1, NAN], [3, 2]], [[NAN, 1], [NAN, 2]], [[-INF, -INF], [-INF, -INF]], [[-INF, 1], [INF, INF]], [[2, 2], [1, 2]]]:
        yield case('maxPool2d', lambda x: F.max_pool2d(x, 2), [[rows]])
        yield case('avgPool2d', lambda x: F.avg_pool2d(x, 2), [[rows]])
    yield case('clipGradNorm', lambda x: clipped(x, 1.0), [3.0, NAN])
    yield case('clipGradNorm', lambda x: clipped(x, 1.0), [3.0, INF])
    yield case('clipGradNorm', lambda x: clipped(x, 1.0), [0.0, 0.0])


def clipped(x, most):
    p = torch.zeros_like(x)
    p.grad = x.detach().clone()
    torch.nn.utils.clip_grad_norm_([p], most)
    return p.grad
