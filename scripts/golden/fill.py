"""Numbers that Python and TypeScript make alike (test/support/golden.ts), so that inputs and weights need not be stored."""
import numpy
import torch


def fill(name, shape, scale=1.0):
    """Element i is the murmur3 finaliser of (FNV-1a hash of the name) + i, as a multiple of 2^-23 in [-1, 1), times scale."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) & 0xFFFFFFFF
    count = int(numpy.prod(shape)) if len(shape) else 1
    h = (seed + numpy.arange(count, dtype=numpy.uint64)) & 0xFFFFFFFF
    h ^= h >> 16
    h = (h * 0x85EBCA6B) & 0xFFFFFFFF
    h ^= h >> 13
    h = (h * 0xC2B2AE35) & 0xFFFFFFFF
    h ^= h >> 16
    values = (h >> 8).astype(numpy.float64) / 2**23 - 1
    return torch.from_numpy(values * scale).reshape(tuple(shape)).clone()


def leaf(name, shape, scale=1.0):
    return fill(name, shape, scale).requires_grad_(True)


def flat(tensor):
    """A tensor as a list with 15 significant digits."""
    return [float('%.15g' % v) for v in tensor.detach().reshape(-1).tolist()]


def project(name, tensor):
    """Two numbers that stand for a large tensor: its product with a fixed pseudo-random direction, and its norm."""
    direction = fill('direction.' + name, tensor.shape)
    return [float('%.15g' % v) for v in ((tensor * direction).sum().item(), tensor.norm().item())]
