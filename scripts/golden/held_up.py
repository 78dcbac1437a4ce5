"""Golden values of random cases of convolutions, norms, pools, products, softmax and cross-entropy: values, gradients and second order."""
import random

import torch
import torch.nn.functional as F

from fill import fill, leaf, project


def results(name, f, shapes):
    """Projections of y, of the gradients of <y, c>, and of those of <gradients, d>."""
    xs = [leaf(f'{name} {i}', shape) for i, shape in enumerate(shapes)]
    y = f(*xs)
    first = torch.autograd.grad((y * fill(f'{name} c', y.shape)).sum(), xs, create_graph=True)
    along = sum((g * fill(f'{name} d{i}', g.shape)).sum() for i, g in enumerate(first))
    second = torch.autograd.grad(along, xs, allow_unused=True) if along.requires_grad else [None] * len(xs)
    second = [torch.zeros_like(x) if s is None else s for s, x in zip(second, xs)]
    tensors = {'y': y, **{f'g{i}': g for i, g in enumerate(first)}, **{f's{i}': s for i, s in enumerate(second)}}
    return {key: project(f'{name} {key}', t) for key, t in tensors.items()}


def windows(r, sizes):
    """Kernel, stride, padding and dilation by axis that fit an image."""
    while True:
        k, s, d = ([r.randint(1, n) for _ in range(2)] for n in (3, 3, 3))
        p = [[r.randint(0, 2), r.randint(0, 2)] for _ in range(2)]
        if all((k[a] - 1) * d[a] + 1 <= sizes[a] + sum(p[a]) for a in range(2)):
            return k, s, p, d


def pad(x, p, value=0.0):
    return F.pad(x, (*p[1], *p[0]), value=value)


def convolution(name, r, sizes=None, limits=None):
    groups = r.choice([1, 1, 2, 3])
    n, ci, co = r.randint(1, 3), groups * r.randint(1, 2), groups * r.randint(1, 3)
    sizes = sizes or [r.randint(3, 9), r.randint(3, 9)]
    k, s, p, d = limits or windows(r, sizes)
    shapes = [[n, ci, *sizes], [co, ci // groups, *k]]
    f = lambda x, w: F.conv2d(pad(x, p), w, stride=s, dilation=d, groups=groups)
    return dict(kind='conv', stride=s, padding=p, dilation=d, groups=groups), f, shapes


def pool(name, r):
    sizes = [r.randint(3, 9), r.randint(3, 9)]
    kind = r.choice(['max', 'avg'])
    while True:
        k, s, p, d = windows(r, sizes)
        if kind == 'avg':
            d = [1, 1]
        # No window of padding alone, and only paddings that PyTorch's pools take.
        p = [[v[0], v[0]] for v in p]
        if all(2 * p[a][0] <= k[a] and (k[a] - 1) * d[a] + 1 <= sizes[a] + 2 * p[a][0] for a in range(2)):
            break
    q = [v[0] for v in p]
    if kind == 'max':
        f = lambda x: F.max_pool2d(x, k, s, q, d)
    else:
        f = lambda x: F.avg_pool2d(x, k, s, q, count_include_pad=False)
    return dict(kind=kind, kernel=k, stride=s, padding=p, dilation=d), f, [[r.randint(1, 3), r.randint(1, 3), *sizes]]


def norm(name, r):
    c = r.randint(1, 4)
    shape = [r.randint(2, 4), c, r.randint(2, 5), r.randint(2, 5)]
    return dict(kind='norm'), lambda x, w, b: F.batch_norm(x, None, None, w, b, True), [shape, [c], [c]]


def rows(name, r):
    kind = r.choice(['softmax', 'logSoftmax', 'crossEntropy'])
    n, k = r.randint(1, 6), r.randint(2, 9)
    labels = [r.randrange(k) for _ in range(n)]
    f = {
        'softmax': lambda x: torch.softmax(4 * x, -1),
        'logSoftmax': lambda x: torch.log_softmax(4 * x, -1),
        'crossEntropy': lambda x: F.cross_entropy(4 * x, torch.tensor(labels), reduction='none'),
    }[kind]
    return dict(kind=kind, labels=labels), f, [[n, k]]


def product(name, r):
    batch = r.choice([[], [r.randint(1, 3)]])
    m, n, k = (r.randint(1, 12) for _ in range(3))
    return dict(kind='matmul'), torch.matmul, [[*batch, m, k], [*batch, k, n]]


def held_up():
    r = random.Random(20261127)
    makers = [convolution] * 120 + [pool] * 70 + [norm] * 40 + [rows] * 50 + [product] * 38
    large = [([301, 299], ([3, 3], [2, 1], [[1, 1], [1, 1]], [1, 2])), ([1, 4099], ([1, 3], [1, 2], [[0, 0], [2, 1]], [1, 1])), ([257, 1], ([3, 1], [1, 1], [[1, 1], [0, 0]], [2, 1]))]
    beyond = [([4, 4], ([2, 2], [1, 1], [[3, 3], [2, 4]], [5, 6]))]
    for i in range(len(makers) + len(large) + len(beyond)):
        name = f'held up {i}'
        given = (large + beyond)[i - len(makers)] if i >= len(makers) else None
        spec, f, shapes = convolution(name, r, *given) if given else makers[i](name, r)
        yield dict(name=name, **spec, shapes=shapes, **{'results': results(name, f, shapes)})
