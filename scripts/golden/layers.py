"""Golden values of single layers: forward, gradients of sum(y * g) and, for some, gradients of gradients."""
import torch
import torch.nn.functional as F

from fill import fill, flat, leaf


def conv_cases():
    # channels in, out, kernel, stride, padding ((top, bottom), (left, right)), dilation, groups, height, width, bias
    grid = [
        ('k1', 2, 3, (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, 4, 5, False),
        ('k1 s2', 2, 3, (1, 1), (2, 2), ((0, 0), (0, 0)), (1, 1), 1, 5, 6, False),
        ('k3 same', 2, 2, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1, 4, 5, True),
        ('k3 valid', 1, 2, (3, 3), (1, 1), ((0, 0), (0, 0)), (1, 1), 1, 5, 4, False),
        ('k3 s2 p1 odd', 2, 2, (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), 1, 5, 7, False),
        ('k3 s2 p1 even, unused tail', 2, 2, (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), 1, 6, 4, True),
        ('k3 s3, unused tail of two', 1, 2, (3, 3), (3, 3), ((0, 0), (0, 0)), (1, 1), 1, 8, 5, False),
        ('k2 s3, stride above kernel', 2, 2, (2, 2), (3, 3), ((0, 0), (0, 0)), (1, 1), 1, 7, 8, False),
        ('k3 d2 same', 1, 2, (3, 3), (1, 1), ((2, 2), (2, 2)), (2, 2), 1, 5, 5, False),
        ('k3 d3 s2', 1, 2, (3, 3), (2, 2), ((3, 3), (3, 3)), (3, 3), 1, 6, 5, False),
        ('k5 d2 depthwise', 2, 2, (5, 5), (1, 1), ((4, 4), (4, 4)), (2, 2), 2, 6, 6, False),
        ('k5 d2 s2 depthwise', 2, 2, (5, 5), (2, 2), ((4, 4), (4, 4)), (2, 2), 2, 6, 7, False),
        ('k3 depthwise', 3, 3, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 3, 4, 4, False),
        ('k3 s2 depthwise', 3, 3, (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), 3, 4, 5, True),
        ('depthwise multiplier 2', 2, 4, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 2, 3, 4, False),
        ('groups 2', 4, 4, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 2, 3, 4, False),
        ('k3x2 s1x2 p1x0 d2x1', 2, 2, (3, 2), (1, 2), ((1, 1), (0, 0)), (2, 1), 1, 6, 5, False),
        ('k1x5', 2, 2, (1, 5), (1, 1), ((0, 0), (2, 2)), (1, 1), 1, 3, 6, False),
        ('asymmetric padding', 2, 2, (3, 3), (2, 1), ((0, 1), (2, 0)), (1, 1), 1, 5, 4, False),
        ('kernel larger than the image', 1, 2, (5, 5), (1, 1), ((2, 2), (2, 2)), (1, 1), 1, 3, 2, False),
    ]
    for name, c, o, kernel, stride, padding, dilation, groups, h, w, bias in grid:
        x = leaf(f'conv.{name}.x', (2, c, h, w))
        weight = leaf(f'conv.{name}.w', (o, c // groups, *kernel))
        b = leaf(f'conv.{name}.b', (o,)) if bias else None
        (top, bottom), (left, right) = padding
        y = F.conv2d(F.pad(x, (left, right, top, bottom)), weight, b, stride, 0, dilation, groups)
        g = leaf(f'conv.{name}.g', y.shape)
        inputs = [x, weight] + ([b] if bias else [])
        grads = torch.autograd.grad((y * g).sum(), inputs, create_graph=True)
        # A scalar of the first-order gradients; its gradients use every second-order rule of convolution.
        energy = (grads[0] ** 2).sum() + (grads[1] ** 2).sum()
        second = torch.autograd.grad(energy, [x, weight, g])
        case = dict(name=name, x=list(x.shape), w=list(weight.shape), stride=stride, padding=padding, dilation=dilation, groups=groups)
        case |= dict(y=flat(y), g=list(y.shape), gx=flat(grads[0]), gw=flat(grads[1]))
        case |= dict(ggx=flat(second[0]), ggw=flat(second[1]), ggg=flat(second[2]))
        if bias:
            case['gb'] = flat(grads[2])
        yield case


def norm_cases():
    for name, shape, affine, eps, momentum in [
        ('affine', (3, 2, 4, 3), True, 1e-5, 0.1),
        ('plain', (2, 3, 3, 3), False, 1e-5, 0.1),
        ('other eps and momentum', (4, 2, 2, 2), True, 1e-2, 0.3),
    ]:
        c = shape[1]
        layer = torch.nn.BatchNorm2d(c, eps=eps, momentum=momentum, affine=affine).double()
        if affine:
            layer.weight.data = 1 + 0.5 * fill(f'norm.{name}.weight', (c,))
            layer.bias.data = fill(f'norm.{name}.bias', (c,))
        case = dict(name=name, shape=shape, affine=affine, eps=eps, momentum=momentum, passes=[])
        for step in range(3):
            if step == 2:
                layer.eval()
            x = leaf(f'norm.{name}.x{step}', shape, 1 + step)
            g = fill(f'norm.{name}.g{step}', shape)
            y = layer(x)
            parameters = list(layer.parameters())
            grads = torch.autograd.grad((y * g).sum(), [x, *parameters], create_graph=True)
            (ggx,) = torch.autograd.grad((grads[0] ** 2).sum() + (y**3).sum(), [x])
            one = dict(training=layer.training, y=flat(y), gx=flat(grads[0]), ggx=flat(ggx))
            one |= dict(runningMean=flat(layer.running_mean), runningVar=flat(layer.running_var))
            if affine:
                one |= dict(gweight=flat(grads[1]), gbias=flat(grads[2]))
            case['passes'].append(one)
        yield case


def pool_cases():
    for name, kind, kernel, stride, padding, dilation, h, w in [
        ('max k3 s1 p1', 'max', (3, 3), (1, 1), (1, 1), (1, 1), 5, 4),
        ('max k3 s2 p1', 'max', (3, 3), (2, 2), (1, 1), (1, 1), 6, 7),
        ('max k2', 'max', (2, 2), (2, 2), (0, 0), (1, 1), 5, 6),
        ('max k3x2 s2x1 p1x0', 'max', (3, 2), (2, 1), (1, 0), (1, 1), 6, 4),
        ('max k3 d2 p1', 'max', (3, 3), (1, 1), (1, 1), (2, 2), 6, 6),
        ('average k3 s1 p1', 'average', (3, 3), (1, 1), (1, 1), (1, 1), 5, 4),
        ('average k3 s2 p1', 'average', (3, 3), (2, 2), (1, 1), (1, 1), 6, 7),
        ('average k5 s3', 'average', (5, 5), (3, 3), (0, 0), (1, 1), 8, 9),
    ]:
        x = leaf(f'pool.{name}.x', (2, 2, h, w))
        if kind == 'max':
            y = F.max_pool2d(x, kernel, stride, padding, dilation)
        else:
            y = F.avg_pool2d(x, kernel, stride, padding, count_include_pad=False)
        g = fill(f'pool.{name}.g', y.shape)
        (gx,) = torch.autograd.grad((y * g).sum(), [x])
        yield dict(
            name=name, kind=kind, kernel=kernel, stride=stride, padding=padding, dilation=dilation,
            x=list(x.shape), g=list(y.shape), y=flat(y), gx=flat(gx),
        )


def loss_cases():
    for name, n, k, scale, smoothing, reduction in [
        ('mean', 5, 7, 3, 0.0, 'mean'),
        ('sum', 4, 3, 1, 0.0, 'sum'),
        ('smoothed', 5, 10, 4, 0.1, 'mean'),
        ('smoothed strongly, summed', 3, 4, 2, 0.5, 'sum'),
        ('confident and wrong', 4, 5, 40, 0.0, 'mean'),
    ]:
        x = leaf(f'loss.{name}.x', (n, k), scale)
        labels = [(3 * i + 1) % k for i in range(n)]
        loss = F.cross_entropy(x, torch.tensor(labels), reduction=reduction, label_smoothing=smoothing)
        (gx,) = torch.autograd.grad(loss, [x], create_graph=True)
        (ggx,) = torch.autograd.grad((gx * fill(f'loss.{name}.v', (n, k))).sum(), [x])
        yield dict(
            name=name, shape=[n, k], scale=scale, labels=labels, smoothing=smoothing, reduction=reduction,
            loss=flat(loss)[0], gx=flat(gx), ggx=flat(ggx), softmax=flat(F.softmax(x, 1)), logSoftmax=flat(F.log_softmax(x, 1)),
        )
