"""A CLIP model in training: weights, moving average, optimisers, and their file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast, final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import CLIPModel

from pipelines.errors import TrainingError
from pipelines.lab.training.optimisers import TowerOptimisers, rate_share
from pipelines.progress import Progress

_OPTIMISER, _AVERAGE = "optimiser.", "average."
_NEWEST_SHARE = 0.03  # of a loss in the shown mean


@final
class Towers:
    """Both towers of a CLIP model, and parts that are trained with them.

    ``parts`` are not in the result. Frozen parameters stay as they are. Rates are the
    highest ones: ``matrix_rate`` for the towers' matrices. Biases, norms and scale have
    no weight decay.
    """

    def __init__(
        self,
        model: CLIPModel,
        parts: Mapping[str, nn.Module],
        *,
        matrix_rate: float,
        other_rate: float,
        weight_decay: float,
        average_decay: float,
    ) -> None:
        self._average = AveragedModel(
            model,
            multi_avg_fn=get_ema_multi_avg_fn(average_decay),  # type: ignore[no-untyped-call]
        )
        self._model = model
        self._named = {
            f"{name}.{key}": parameter
            for name, part in ({"model": model} | dict(parts)).items()
            for key, parameter in part.named_parameters()
            if parameter.requires_grad
        }
        self._optimisers = TowerOptimisers(
            self._named,
            matrix_rate=matrix_rate,
            other_rate=other_rate,
            weight_decay=weight_decay,
        )

    @property
    def averaged(self) -> CLIPModel:
        """The model with the averaged weights."""
        return cast("CLIPModel", self._average.module)

    def train(
        self,
        losses_at: Callable[[int], Mapping[str, Tensor]],
        warmup_steps: int,
        steps: int,
        path: Path,
        on_progress: Progress,
        *,
        save_every: int,
    ) -> None:
        """Resume from a saved state, if there is one, and go on to the last step.

        Args:
            losses_at: Computes the losses of a step, of which ``total`` is learnt from.
            warmup_steps: Steps in which the learning rates rise (``rate_share``).
            steps: Optimiser steps altogether.
            path: File of the state.
            on_progress: Called after every step.
            save_every: Steps between saved states.

        Raises:
            TrainingError: If the state cannot be read, or a loss is not finite.
        """
        step = self._load(path)
        recent: dict[str, float] = {}
        while step < steps:
            losses = losses_at(step)
            if not torch.isfinite(losses["total"]):
                note = _note({name: loss.item() for name, loss in losses.items()})
                problem = f"the loss is not finite ({note}); lower the learning rate"
                where = f"step {step + 1}"
                raise TrainingError(where, problem)
            self._learn(losses["total"], rate_share(step, warmup_steps, steps))
            step += 1
            for name, loss in losses.items():
                earlier = recent.get(name, loss.item())
                recent[name] = earlier + _NEWEST_SHARE * (loss.item() - earlier)
            if step % save_every == 0 or step == steps:
                self._save(path, step)
            on_progress("training", step, steps, _note(recent))

    def _learn(self, loss: Tensor, share: float) -> None:
        self._optimisers.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(list(self._named.values()), 1.0)
        self._optimisers.step(share)
        self._average.update_parameters(self._model)

    def _save(self, path: Path, step: int) -> None:
        """Write weights, average and optimiser state, replacing the old file whole."""
        tensors = {name: value.detach() for name, value in self._named.items()}
        tensors |= {
            f"{_AVERAGE}{name}": value
            for name, value in self._average.module.named_parameters()
        }
        tensors |= {
            f"{_OPTIMISER}{key}": moment
            for key, moment in self._optimisers.state().items()
        }
        tensors["step"] = torch.tensor(step)
        part = path.with_suffix(".part")
        save_file({name: value.contiguous() for name, value in tensors.items()}, part)
        part.replace(path)

    def _load(self, path: Path) -> int:
        """Read what ``_save`` wrote; return its step, or 0 if there is no file.

        Raises:
            TrainingError: If it cannot be read.
        """
        if not path.exists():
            return 0
        try:
            tensors = load_file(path)
        except (SafetensorError, OSError) as err:
            problem = f"cannot be read ({err}); delete it to start the training again"
            raise TrainingError(str(path), problem) from err
        averaged = dict(self._average.module.named_parameters())
        with torch.no_grad():
            for name, value in self._named.items():
                value.copy_(tensors[name])
            for name, value in averaged.items():
                value.copy_(tensors[f"{_AVERAGE}{name}"])
        self._optimisers.load(
            {
                key.removeprefix(_OPTIMISER): moment
                for key, moment in tensors.items()
                if key.startswith(_OPTIMISER)
            }
        )
        step = int(tensors["step"])
        self._average.n_averaged.fill_(step)
        return step


def _note(losses: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.2f}" for name, value in losses.items())
