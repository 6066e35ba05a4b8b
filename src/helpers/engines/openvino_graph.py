"""What the graphs of all models have in common: names, and how they are written with their weights."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import openvino
import torch
from openvino import opset13 as ops
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
from transformers.cache_utils import DynamicLayer

from helpers.engines.openvino_network import GROUP, WEIGHTS

#: Weights begin at multiples of so many bytes.
ALIGNED = 64
#: How the name of what makes fp32 of halved weights ends; OpenVINO is to do that as it multiplies, not before.
HALVED = "/halved"


class First(DynamicLayer):  # type: ignore[misc]
    """A layer of a cache that begins empty, which the tracer would put first into whatever comes."""

    def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
        self.keys, self.values = key_states, value_states
        return key_states, value_states


def traced(module: torch.nn.Module, example: Any) -> Any:
    """Return the graph of a module by what it does with example inputs; it is not traced again to compare."""
    decoder = TorchScriptPythonDecoder(module, example_input=example, trace_kwargs={"check_trace": False})
    return openvino.convert_model(decoder)


def kept_names(kind: str, layers: int) -> list[str]:
    """Return the names of the keys and values of a kind, such as `PAST`, in the order of the layers."""
    return [f"{kind}_{side}.{layer}" for layer in range(layers) for side in ("key", "value")]


def name_port(port: Any, name: str, shape: Sequence[int] | None = None) -> None:
    """Name an input or output of a graph, and give an input its shape; -1 is any length."""
    port.get_tensor().set_names({name})
    port.get_node().set_friendly_name(name)
    if shape is not None:
        port.get_node().set_partial_shape(openvino.PartialShape(list(shape)))


def save(graph: Any, file: Path, dtype: str) -> None:
    """Write a graph, its weights in ``dtype``, into a new folder's file or beside what is there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    openvino.save_model(_compressed(graph, dtype), file, compress_to_fp16=False)


def share_weights(folder: Path) -> None:
    """Have the graphs in a folder read their weights from one file, `WEIGHTS`, where what several have stands once."""
    places: dict[bytes, int] = {}
    with (folder / WEIGHTS).open("wb") as out:
        for file in sorted(folder.glob("*.xml")):
            graph, own = ElementTree.parse(file), file.with_suffix(".bin")  # noqa: S314  (OpenVINO has just written it)
            weights = own.read_bytes()
            for constant in graph.iter("data"):
                if "offset" not in constant.attrib:
                    continue
                begin = int(constant.attrib["offset"])
                part = weights[begin : begin + int(constant.attrib["size"])]
                key = hashlib.sha256(part).digest()
                if key not in places:
                    out.write(bytes(-out.tell() % ALIGNED))
                    places[key] = out.tell()
                    out.write(part)
                constant.attrib["offset"] = str(places[key])
            for layer in graph.iter("layer"):
                if layer.attrib["name"].endswith(HALVED):
                    told = ElementTree.SubElement(layer, "rt_info")
                    ElementTree.SubElement(told, "attribute", {"name": "decompression", "version": "0"})
            graph.write(file)
            own.unlink()


def _compressed(graph: Any, dtype: str) -> Any:
    """Return a graph with its weights in ``dtype``; those of float32 and bfloat16 stay as they are."""
    if dtype == "float16":
        _halve(graph)
    if not dtype.startswith("int"):
        return graph
    import nncf

    mode = nncf.CompressWeightsMode
    if dtype == "int8":
        return nncf.compress_weights(graph, mode=mode.INT8_ASYM)
    # A layer whose width is no multiple of the group's gets groups that fit.
    fitting = nncf.AdvancedCompressionParameters(group_size_fallback_mode=nncf.GroupSizeFallbackMode.ADJUST)
    return nncf.compress_weights(graph, mode=mode.INT4_ASYM, group_size=GROUP, advanced_parameters=fitting)


def _halve(graph: Any) -> None:
    """Keep matrices in half precision, nothing else: frequencies of places that are rounded turn far places away."""
    for node in graph.get_ops():
        if node.get_type_name() != "Constant" or node.get_element_type() != openvino.Type.f32:
            continue
        if len(node.data.shape) == 2:
            whole = ops.convert(ops.constant(node.data.astype(np.float16)), "f32")
            whole.set_friendly_name(f"{node.get_friendly_name()}{HALVED}")
            node.output(0).replace(whole.output(0))
    graph.validate_nodes_and_infer_types()
