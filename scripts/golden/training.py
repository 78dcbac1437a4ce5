"""Golden trajectories of optimisers over 20 steps, clipping, the cosine schedule, and the bounds of initialisers."""
import math

import torch

from fill import fill, flat

STEPS = 20


def trajectory(name, optimizer, parameters, clip=None):
    """Gradients are fill(name.step.i) + p / 2: they depend on the parameters, so a mistake feeds on itself."""
    path, norms = [], []
    for step in range(STEPS):
        for i, p in enumerate(parameters):
            p.grad = fill(f'{name}.{step}.{i}', p.shape) + 0.5 * p.detach()
        if clip:
            norms.append(torch.nn.utils.clip_grad_norm_(parameters, clip))
        optimizer.step()
        path.append([v for p in parameters for v in flat(p)])
    return dict(path=path) | (dict(norms=flat(torch.stack(norms))) if clip else {})


def optimizer_cases():
    for kind, name, options, clip in [
        ('SGD', 'plain', dict(lr=0.1), None),
        ('SGD', 'momentum', dict(lr=0.05, momentum=0.9), None),
        ('SGD', 'nesterov', dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=3e-4), None),
        ('SGD', 'momentum, decay, clipped', dict(lr=0.025, momentum=0.9, weight_decay=0.1), 1.5),
        ('Adam', 'defaults', dict(lr=1e-3), None),
        ('Adam', 'betas of the search, decay', dict(lr=3e-2, betas=(0.5, 0.999), weight_decay=1e-3), None),
        ('Adam', 'large eps, clipped', dict(lr=0.1, eps=1e-2), 1.0),
    ]:
        parameters = [torch.nn.Parameter(fill(f'{kind} {name}.{i}', shape)) for i, shape in enumerate([(3,), (2, 2)])]
        optimizer = getattr(torch.optim, kind)(parameters, **options)
        yield dict(kind=kind, name=name, options=options, clip=clip) | trajectory(f'{kind} {name}', optimizer, parameters, clip)


def schedule_cases():
    for start, end, total in [(0.025, 0.001, 10), (0.1, 0.0, 7)]:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=start)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total, eta_min=end)
        rates = []
        for _ in range(total + 1):
            rates.append(float('%.15g' % schedule.get_last_lr()[0]))
            optimizer.step()
            schedule.step()
        yield dict(start=start, end=end, total=total, rates=rates)


def initialiser_cases():
    """Bounds of the uniform initialisers, by PyTorch's own fans and gains."""
    for name, shape in [('conv', (8, 4, 3, 3)), ('depthwise', (6, 1, 5, 5)), ('pointwise', (12, 8, 1, 1)), ('linear', (10, 32))]:
        fan_in, fan_out = torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))
        yield dict(
            name=name,
            shape=shape,
            default=math.sqrt(3) * torch.nn.init.calculate_gain('leaky_relu', math.sqrt(5)) / math.sqrt(fan_in),
            kaiming=math.sqrt(3) * torch.nn.init.calculate_gain('relu') / math.sqrt(fan_in),
            xavier=math.sqrt(6 / (fan_in + fan_out)),
        )
