"""Makes test/golden/*.json with PyTorch, in double precision: expected values of layers, optimisers,
distributions and a supernet.

    /usr/bin/python3 scripts/golden/make.py        (Debian 12: apt-get install python3-torch, version 1.13)

Inputs and weights are pseudo-random numbers by name (fill.py), which the tests make again; only results are stored.
"""
import json
import pathlib

import torch

from cross_entropy import cross_entropy
from distributions import distribution_cases
from held_up import held_up
from layers import conv_cases, loss_cases, norm_cases, pool_cases
from special import special_cases
from supernet import mixed_edge_cases, parameter_counts, supernet_case
from training import initialiser_cases, optimizer_cases, schedule_cases

torch.set_num_threads(1)
out = pathlib.Path(__file__).resolve().parents[2] / 'test' / 'golden'
files = {
    'conv': list(conv_cases()),
    'norm': list(norm_cases()),
    'pool': list(pool_cases()),
    'loss': list(loss_cases()),
    'cross-entropy': cross_entropy(),
    'training': {
        'optimizers': list(optimizer_cases()),
        'schedules': list(schedule_cases()),
        'initialisers': list(initialiser_cases()),
    },
    'distributions': list(distribution_cases()),
    'special': list(special_cases()),
    'held-up': list(held_up()),
    'mixed-edge': list(mixed_edge_cases()),
    'supernet': supernet_case() | {'searchNetworkParameters': parameter_counts()},
}
for name, value in files.items():
    text = json.dumps({'torch': torch.__version__, 'values': value}, separators=(',', ':'))
    (out / f'{name}.json').write_text(text + '\n')
    print(f'{name}.json {len(text)} bytes')
