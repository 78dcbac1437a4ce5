"""Golden values of one mixed edge and of a whole supernet of three cells: forward and backward with the same weights and Z."""
import torch
import torch.nn as nn
import torch.nn.functional as F

from fill import fill, flat, project

OPERATIONS = [
    'none', 'max_pool_3x3', 'avg_pool_3x3', 'skip_connect', 'sep_conv_3x3', 'sep_conv_5x5', 'dil_conv_3x3', 'dil_conv_5x5',
]


def bn(c, affine=False):
    return nn.BatchNorm2d(c, affine=affine)


def relu_conv_bn(c_in, c_out):
    return nn.Sequential(nn.ReLU(), nn.Conv2d(c_in, c_out, 1, bias=False), bn(c_out))


class FactorizedReduce(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out // 2, 1, stride=2, bias=False)
        self.conv2 = nn.Conv2d(c_in, c_out - c_out // 2, 1, stride=2, bias=False)
        self.bn = bn(c_out)

    def forward(self, x):
        x = F.relu(x)
        return self.bn(torch.cat([self.conv1(x), self.conv2(x[:, :, 1:, 1:])], 1))


def separable(c, k, stride, dilation):
    return [
        nn.ReLU(),
        nn.Conv2d(c, c, k, stride, dilation * (k - 1) // 2, dilation, groups=c, bias=False),
        nn.Conv2d(c, c, 1, bias=False),
        bn(c),
    ]


def operation(name, c, stride):
    if name == 'max_pool_3x3':
        return nn.Sequential(nn.MaxPool2d(3, stride, 1), bn(c))
    if name == 'avg_pool_3x3':
        return nn.Sequential(nn.AvgPool2d(3, stride, 1, count_include_pad=False), bn(c))
    if name == 'skip_connect':
        return nn.Identity() if stride == 1 else FactorizedReduce(c, c)
    k = int(name[-1])
    if name.startswith('sep'):
        return nn.Sequential(*separable(c, k, stride, 1), *separable(c, k, 1, 1))
    return nn.Sequential(*separable(c, k, stride, 2))


class MixedEdge(nn.Module):
    def __init__(self, c, stride):
        super().__init__()
        for name in OPERATIONS[1:]:
            self.add_module(name, operation(name, c, stride))

    def forward(self, x, z):
        return sum(z[k] * getattr(self, name)(x) for k, name in enumerate(OPERATIONS) if k > 0)


class Cell(nn.Module):
    def __init__(self, previous2, previous1, c, reduction, after_reduction):
        super().__init__()
        self.preprocess0 = (FactorizedReduce if after_reduction else relu_conv_bn)(previous2, c)
        self.preprocess1 = relu_conv_bn(previous1, c)
        self.edges = nn.ModuleList(
            MixedEdge(c, 2 if reduction and i < 2 else 1) for node in range(4) for i in range(2 + node)
        )

    def forward(self, s0, s1, z):
        states = [self.preprocess0(s0), self.preprocess1(s1)]
        row = 0
        for node in range(4):
            states.append(sum(self.edges[row + i](x, z[row + i]) for i, x in enumerate(states)))
            row += 2 + node
        return torch.cat(states[2:], 1)


class Supernet(nn.Module):
    def __init__(self, c, cells, classes, channels, stem_stride):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, 3 * c, 3, stem_stride, 1, bias=False), nn.BatchNorm2d(3 * c))
        previous2 = previous1 = 3 * c
        after = False
        self.cells = nn.ModuleList()
        self.reductions = []
        for i in range(cells):
            reduction = i in (cells // 3, 2 * cells // 3)
            c *= 2 if reduction else 1
            self.cells.append(Cell(previous2, previous1, c, reduction, after))
            self.reductions.append(reduction)
            previous2, previous1, after = previous1, 4 * c, reduction
        self.classifier = nn.Linear(previous1, classes)

    def forward(self, x, z):
        s0 = s1 = self.stem(x)
        outputs = []
        for cell, reduction in zip(self.cells, self.reductions):
            s0, s1 = s1, cell(s0, s1, z['reduce' if reduction else 'normal'])
            outputs.append(s1)
        return self.classifier(s1.mean((2, 3))), outputs


def set_weights(module, prefix):
    """Weights by name: fill(prefix + name), scaled as an initialiser would; batch norms stay at one and zero."""
    for name, p in module.named_parameters():
        if p.dim() >= 2:
            p.data = fill(prefix + name, p.shape, (3 / (p.numel() / p.shape[0])) ** 0.5)
        elif name == 'classifier.bias':
            p.data = fill(prefix + name, p.shape, 0.1)


def relaxed(name, rows, temperature):
    logits = fill(f'{name}.logits', (rows, 8)).requires_grad_(True)
    noise = 2 * fill(f'{name}.noise', (rows, 8))
    return logits, F.softmax((logits + noise) / temperature, -1)


def mixed_edge_cases():
    for stride in (1, 2):
        name = f'edge s{stride}'
        edge = MixedEdge(4, stride).double()
        set_weights(edge, f'{name}.')
        x = fill(f'{name}.x', (2, 4, 6, 6)).requires_grad_(True)
        logits, z = relaxed(name, 1, 0.7)
        y = edge(x, z[0])
        g = fill(f'{name}.g', y.shape)
        named = list(edge.named_parameters())
        grads = torch.autograd.grad((y * g).sum(), [x, logits, z, *(p for _, p in named)])
        yield dict(
            name=name, stride=stride, temperature=0.7, z=flat(z), g=list(y.shape), y=flat(y),
            gx=flat(grads[0]), glogits=flat(grads[1]), gz=flat(grads[2]),
            weights={n: project(n, grad) for (n, _), grad in zip(named, grads[3:])},
        )


def supernet_case():
    torch.manual_seed(0)
    net = Supernet(4, 3, 10, 1, 2).double()
    set_weights(net, 'supernet.')
    images = fill('supernet.images', (3, 1, 16, 16)).requires_grad_(True)
    labels = [3, 0, 7]
    temperature = 0.6
    parts = {t: relaxed(f'supernet.{t}', 14, temperature) for t in ('normal', 'reduce')}
    logits, outputs = net(images, {t: z for t, (_, z) in parts.items()})
    loss = F.cross_entropy(logits, torch.tensor(labels))
    named = list(net.named_parameters())
    alphas = [parts['normal'][0], parts['reduce'][0]]
    zs = [parts['normal'][1], parts['reduce'][1]]
    grads = torch.autograd.grad(loss, [images, *alphas, *zs, *(p for _, p in named)])
    case = dict(
        temperature=temperature, labels=labels, parameters=sum(p.numel() for _, p in named), loss=flat(loss)[0], logits=flat(logits),
        cells=[dict(shape=list(o.shape), projection=project(f'cell{i}', o)) for i, o in enumerate(outputs)],
        images=project('images', grads[0]),
        alphas=dict(normal=flat(grads[1]), reduce=flat(grads[2])),
        zs=dict(normal=flat(grads[3]), reduce=flat(grads[4])),
        weights={n: project(n, grad) for (n, _), grad in zip(named, grads[5:])},
        running={n: project(n, b) for n, b in net.named_buffers() if n.endswith(('mean', 'var'))},
    )
    net.eval()
    with torch.no_grad():
        evaluated, _ = net(images, {t: z for t, (_, z) in parts.items()})
    case['evaluation'] = flat(evaluated)
    return case


def parameter_counts():
    """Of the published search network: C = 16, 8 cells, RGB, 10 classes."""
    return sum(p.numel() for p in Supernet(16, 8, 10, 3, 1).parameters())
