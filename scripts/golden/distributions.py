"""Golden values of the relaxed one-hot categorical: samples of given noise, log density, score, entropy."""
import torch
from torch.distributions import Categorical, RelaxedOneHotCategorical

from fill import fill, flat


def distribution_cases():
    for n, temperature in [(2, 1.0), (2, 0.5), (3, 2.0), (4, 0.7), (8, 1.0), (8, 0.4)]:
        name = f'concrete {n} {temperature}'
        logits = fill(f'{name}.logits', (3, n), 2).requires_grad_(True)
        noise = fill(f'{name}.noise', (3, n), 2)
        z = torch.softmax((logits.detach() + noise) / temperature, -1)
        density = RelaxedOneHotCategorical(torch.tensor(temperature, dtype=torch.float64), logits=logits, validate_args=False).log_prob(z)
        (score,) = torch.autograd.grad(density.sum(), [logits])
        entropy = Categorical(logits=logits).entropy()
        yield dict(
            name=name, n=n, temperature=temperature, z=flat(z), logProb=flat(density), score=flat(score), entropy=flat(entropy),
        )
