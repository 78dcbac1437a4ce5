"""Golden values of cross-entropy with class weights, an ignored index and label smoothing: losses, gradients and second order, float64."""
import itertools
import math

import torch
import torch.nn.functional as F

from fill import fill

WORD = lambda x: 'NaN' if math.isnan(x) else float('%.13g' % x)
LABELS = {'plain': [2, 0, 1, 1], 'some ignored': [2, -100, 1, -100], 'a class ignored': [2, 0, 1, 1], 'all ignored': [-100] * 4}
IGNORE = {'plain': -100, 'some ignored': -100, 'a class ignored': 1, 'all ignored': -100}
WEIGHTS = [0.5, 2.0, 1.25]


def cross_entropy_cases():
    logits = fill('cross-entropy logits', [4, 3], 3)
    direction = fill('cross-entropy direction', [4, 3])
    cotangent = fill('cross-entropy cotangent', [4])
    for name, reduction, weighted, smoothing in itertools.product(LABELS, ['mean', 'sum', 'none'], [False, True], [0.0, 0.1, 1.0]):
        x = logits.clone().requires_grad_(True)
        weight = torch.tensor(WEIGHTS, dtype=torch.float64) if weighted else None
        loss = F.cross_entropy(
            x, torch.tensor(LABELS[name]), weight=weight, ignore_index=IGNORE[name], reduction=reduction, label_smoothing=smoothing
        )
        [g] = torch.autograd.grad(loss, [x], grad_outputs=cotangent if reduction == 'none' else None, create_graph=True)
        # The Hessian (of the cotangent's combination of losses) times a direction.
        [h] = torch.autograd.grad((g * direction).sum(), [x], allow_unused=True)
        h = torch.zeros_like(g) if h is None else h
        flat = lambda t: [WORD(v) for v in t.detach().flatten().tolist()]
        yield dict(
            labels=LABELS[name], ignoreIndex=IGNORE[name], reduction=reduction, weighted=weighted, labelSmoothing=smoothing,
            loss=flat(loss), gradient=flat(g), second=flat(h),
        )


def cross_entropy():
    return dict(weights=WEIGHTS, cases=list(cross_entropy_cases()))
