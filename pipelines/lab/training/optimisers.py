"""The optimisers of both towers: Muon for their matrices, AdamW for the rest.

Sources: Jordan et al. 2024, kellerjordan.github.io/posts/muon; the step size is scaled
to AdamW's as in Liu et al. 2025, arXiv:2502.16982.
"""

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor
from torch.nn import Parameter


@final
class TowerOptimisers:
    """Both optimisers as one, with a state keyed by parameter names.

    ``matrix_rate`` is that of the layers' matrices. Biases, norms and scale have no
    weight decay.
    """

    def __init__(
        self,
        named: Mapping[str, Parameter],
        *,
        matrix_rate: float,
        other_rate: float,
        weight_decay: float,
    ) -> None:
        self._named = named
        matrices: list[Parameter] = []
        decayed: list[Parameter] = []
        free: list[Parameter] = []
        for name, value in named.items():
            if value.ndim == 2 and ".encoder.layers." in name:
                matrices.append(value)
            else:
                (decayed if value.ndim > 1 else free).append(value)
        muon = torch.optim.Muon(
            matrices,
            lr=matrix_rate,
            weight_decay=weight_decay,
            adjust_lr_fn="match_rms_adamw",
        )
        adamw = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": weight_decay},
                {"params": free, "weight_decay": 0.0},
            ],
            lr=other_rate,
            betas=(0.9, 0.98),
        )
        self._each: tuple[tuple[torch.optim.Optimizer, float], ...] = (
            (muon, matrix_rate),
            (adamw, other_rate),
        )

    def zero_grad(self) -> None:
        """Clear the gradients."""
        for optimiser, _ in self._each:
            optimiser.zero_grad(set_to_none=True)

    def step(self, share: float) -> None:
        """Move every parameter, at a share of its learning rate."""
        for optimiser, rate in self._each:
            for group in optimiser.param_groups:
                group["lr"] = rate * share
            optimiser.step()

    def state(self) -> dict[str, Tensor]:
        """Return every moment by ``kind.parameter``."""
        return {
            f"{kind}.{name}": moment
            for optimiser, _ in self._each
            for name, value in self._named.items()
            for kind, moment in optimiser.state.get(value, {}).items()
        }

    def load(self, moments: Mapping[str, Tensor]) -> None:
        """Load moments that ``state`` returned."""
        owners = {
            id(value): optimiser
            for optimiser, _ in self._each
            for group in optimiser.param_groups
            for value in group["params"]
        }
        for key, moment in moments.items():
            kind, _, name = key.partition(".")
            value = self._named[name]
            owners[id(value)].state[value][kind] = moment


def rate_share(step: int, warmup_steps: int, steps: int) -> float:
    """Return the learning rates of a step as a share of the highest rates.

    They rise linearly in the first steps, then fall linearly towards a hundredth.

    Args:
        step: The step, counted from 0.
        warmup_steps: Steps in which the rates rise.
        steps: Steps altogether.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    return 1 - 0.99 * done
