"""`masr export --to onnx` and `--to pt2`: the graph as files, compared with the model before anybody uses them.

Shapes: B utterances, S samples, N feature frames, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from masr.config import dump
from masr.errors import CheckpointError, MissingPackageError
from masr.interop.graph import Graph, Place, build_graph
from masr.interop.opened import Opened
from masr.interop.trial import trial_batch
from masr.io.atomic import atomic_write
from masr.io.layout import UNITS_TXT
from masr.units.vocabulary import write_list

PROGRAM, ONNX, INT8 = "model.pt2", "model.onnx", "model.int8.onnx"
Array = np.ndarray[Any, np.dtype[Any]]
_OPSET = 20
_WHOLE_BYTES = 1_500_000_000
"""Weights above this lie beside model.onnx, whose format ends at 2 GB."""
_PRECISION = 1e-3
"""Largest difference that is let out; tests hold 1e-4."""


def save_program(opened: Opened, place: Place, out: Path) -> tuple[str, dict[str, Any]]:
    """model.pt2 in `out`; how it is loaded, and facts for its record."""
    graph = build_graph(opened, place)
    torch.export.save(graph.program, out / PROGRAM)
    given = trial_batch(opened, graph.inputs[0])
    wanted = _valid(opened, graph.module(*given))
    found = _valid(opened, torch.export.load(out / PROGRAM).module()(*given))
    facts = _facts(opened, graph, _difference(found, wanted))
    _save_names(opened, out)
    return _how("torch.export.load", "model = torch.export.load('model.pt2').module()", "model", graph), facts


def save_onnx(opened: Opened, place: Place, quantise: str | None, out: Path) -> tuple[str, dict[str, Any]]:
    """model.onnx in `out`, and model.int8.onnx where that is asked for; how it is loaded, and facts for its record."""
    runtime = _require_onnx()
    graph = build_graph(opened, place)
    size = sum(weight.nbytes for weight in graph.module.state_dict().values())
    torch.onnx.export(
        graph.program,
        (),
        str(out / ONNX),
        input_names=list(graph.inputs),
        output_names=list(graph.outputs),
        opset_version=_OPSET,
        dynamo=True,
        external_data=size > _WHOLE_BYTES,
        verbose=False,
    )
    given = trial_batch(opened, graph.inputs[0])
    wanted = _valid(opened, graph.module(*given))
    feed = {name: one.numpy() for name, one in zip(graph.inputs, given, strict=True)}
    facts = _facts(opened, graph, _difference(_run(runtime, opened, out / ONNX, feed), wanted))
    if quantise == "int8":
        facts["int8"] = _quantised(runtime, opened, out, feed, wanted)
    _save_names(opened, out)
    load = "session = onnxruntime.InferenceSession('model.onnx')"
    return _how("onnxruntime", load, "session.run(None, ...)", graph), facts


def _quantised(runtime: Any, opened: Opened, out: Path, feed: dict[str, Any], wanted: Array) -> dict[str, Any]:
    """Writes model.int8.onnx, whose matrices are whole numbers; what that changes in the output."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        str(out / ONNX), str(out / INT8), weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Gemm"]
    )
    found = _run(runtime, opened, out / INT8, feed)
    change = float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))
    if not np.isfinite(change):
        raise CheckpointError(
            f"{opened.folder}: its int8 model gives no numbers",
            why="its weights are too uneven for eight bits",
            fix="leave --quantise out",
        )
    same = None
    if opened.kind != "encoder":
        same = float((found.argmax(axis=-1) == wanted.argmax(axis=-1)).mean())
    return {"relative_change": change, "same_answer": same}


def _valid(opened: Opened, outputs: Sequence[Any]) -> Array:
    """The first output; of an encoder or CTC without what lies past each utterance's end: (M, D)."""
    first, lengths = (np.asarray(one.detach() if isinstance(one, torch.Tensor) else one) for one in outputs)
    if opened.kind == "lid":
        return first
    return np.concatenate([row[:length] for row, length in zip(first, lengths.tolist(), strict=True)])


def _run(runtime: Any, opened: Opened, file: Path, feed: dict[str, Any]) -> Array:
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return _valid(opened, session.run(None, feed))


def _difference(found: Array, wanted: Array) -> float:
    return float(np.abs(found - wanted).max())


def _facts(opened: Opened, graph: Graph, difference: float) -> dict[str, Any]:
    """What the record says of a graph; CheckpointError where it is not the model."""
    if not difference < _PRECISION:
        raise CheckpointError(
            f"{opened.folder}: its graph differs from the model by {difference:.2g}",
            why="an operation is computed in another way there",
            fix="export it with --to hf, which holds its code",
        )
    return {
        "inputs": list(graph.inputs),
        "outputs": list(graph.outputs),
        "sample_rate": opened.model.sample_rate,
        "shortest": graph.shortest,
        "largest_difference": difference,
    }


def _save_names(opened: Opened, out: Path) -> None:
    """units.txt or labels.txt, the names of the outputs; features.yaml where frames are made outside."""
    if opened.units is not None:
        write_list(out, opened.units.tokens)
        assert (out / UNITS_TXT).is_file()
    if opened.labels:
        atomic_write(out / "labels.txt", "".join(f"{label}\n" for label in opened.labels))
    if opened.config.features is not None and not opened.model.takes_samples:
        atomic_write(out / "features.yaml", dump(opened.config.features))


def _how(package: str, load: str, call: str, graph: Graph) -> str:
    """A few lines for the model card."""
    what = "(batch, samples) in [-1, 1]" if graph.inputs[0] == "samples" else "(batch, frames, bins) of features.yaml"
    names = ", ".join(f"`{name}`" for name in graph.outputs)
    return (
        f"With {package}:\n\n```python\n{load}\n```\n\n{call} takes `{graph.inputs[0]}`, float32 {what}, zero past an "
        f"utterance's end, and `lengths`, int64 (batch,). It gives {names}. The longest utterance of a batch has at "
        f"least {graph.shortest} of them. `masr_export.json` has the largest difference from the model that was seen."
    )


def _require_onnx() -> Any:
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  (torch.onnx writes by it)
    except ImportError as error:
        raise MissingPackageError(
            f"{error.name} is not installed",
            why="ONNX is written by onnxscript, and compared with the model in onnxruntime",
            fix="pip install onnx onnxruntime onnxscript, or take --to pt2, which needs torch alone",
        ) from None
    return onnxruntime
