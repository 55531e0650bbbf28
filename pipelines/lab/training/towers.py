"""A CLIP model in training: weights, moving average, optimisers, and their file."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast, final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import CLIPModel

from pipelines.errors import TrainingError
from pipelines.lab.training.optimisers import TowerOptimisers

_OPTIMISER, _AVERAGE = "optimiser.", "average."


@final
class Towers:
    """Both towers of a CLIP model, and parts that are trained with them.

    Args:
        model: The model.
        parts: Further modules by name, which are not in the result.
        matrix_rate: Highest learning rate of the towers' matrices.
        other_rate: Highest learning rate of all other parameters.
        weight_decay: Weight decay; none for biases, norms and scale.
        average_decay: Decay of the moving average of the weights.
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

    def learn(self, loss: Tensor, rate_share: float) -> None:
        """Take one optimiser step.

        ``rate_share`` scales the highest learning rates.
        """
        self._optimisers.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(list(self._named.values()), 1.0)
        self._optimisers.step(rate_share)
        self._average.update_parameters(self._model)

    def save(self, path: Path, step: int) -> None:
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

    def load(self, path: Path) -> int:
        """Read what ``save`` wrote; return its step, or 0 if there is no file.

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
