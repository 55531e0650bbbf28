"""Running a network file on the processor, by OpenVINO."""

from collections.abc import Sequence
from typing import final

import numpy as np
from jaxtyping import Float32

from models.errors import PersonModelError
from models.person.files import FOLDER, NetworkFile
from models.quiet_openvino import openvino

Output = Float32[np.ndarray, "..."]


@final
class Network:
    """A network of one picture in and several arrays out.

    Args:
        file: The network file.
        outputs: Expected shape of each output, in order.
        threads: Processor threads.
        wanted: Places of the outputs to compute, rising; None for all. What only
            the others need is not computed.

    Raises:
        PersonModelError: If the file is missing or has other inputs or outputs.
    """

    def __init__(
        self,
        file: NetworkFile,
        outputs: tuple[tuple[int, ...], ...],
        threads: int,
        wanted: Sequence[int] | None = None,
    ) -> None:
        content = file.checked()
        core = openvino.Core()
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        try:
            model = core.read_model(str(FOLDER / file.name))
            found = tuple(tuple(each.shape) for each in model.outputs)
            if wanted is not None and found == outputs:
                model = _cut_down(model, wanted)
            self._compiled = core.compile_model(model, "CPU", settings)
        except RuntimeError as err:
            problem = f"cannot be run ({str(err).splitlines()[0]})"
            raise PersonModelError(file.name, problem) from err
        del content
        if found != outputs:
            problem = f"has outputs of shapes {found}, expected {outputs}"
            raise PersonModelError(file.name, problem)
        self._request = self._compiled.create_infer_request()

    def __call__(
        self, picture: Float32[np.ndarray, "height width 3"]
    ) -> tuple[Output, ...]:
        """Return the wanted outputs for a picture; valid until the next call."""
        self._request.infer({0: picture[None]})
        return tuple(
            self._request.get_output_tensor(i).data
            for i in range(len(self._compiled.outputs))
        )


def _cut_down(model: openvino.Model, wanted: Sequence[int]) -> openvino.Model:
    """Return a model without the other outputs and what only they need."""
    results = model.get_results()
    kept = [openvino.opset13.result(results[place].input_value(0)) for place in wanted]
    return openvino.Model(kept, model.get_parameters())
