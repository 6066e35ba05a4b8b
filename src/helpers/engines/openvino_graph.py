"""What the graphs of all models have in common: keys and values kept inside, and weights in lower precision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino
import torch
from openvino import opset13 as ops
from openvino._offline_transformations import apply_make_stateful_transformation
from transformers.cache_utils import DynamicLayer

from helpers.engines.openvino_network import BEAMS, GROUP

#: How the names of keys and values begin, as inputs and as outputs of a step.
PAST, PRESENT = "past", "present"


def cache_layer(keys: torch.Tensor, values: torch.Tensor) -> DynamicLayer:
    """Return a layer of a cache that holds this; one that begins empty would be traced as such."""
    layer = DynamicLayer()
    layer.keys, layer.values, layer.dtype, layer.device = keys, values, keys.dtype, keys.device
    layer.is_initialized = True
    return layer


def kept_names(kind: str, layers: int) -> list[str]:
    """Return the names of the keys and values of a kind, such as `PAST`, in the order of the layers."""
    return [f"{kind}_{side}.{layer}" for layer in range(layers) for side in ("key", "value")]


def name_port(port: Any, name: str, shape: Sequence[int] | None = None) -> None:
    """Name an input or output of a graph, and give an input its shape; -1 is any length."""
    port.get_tensor().set_names({name})
    port.get_node().set_friendly_name(name)
    if shape is not None:
        port.get_node().set_partial_shape(openvino.PartialShape(list(shape)))


def keep_inside(graph: Any, rows_of: str) -> None:
    """Have a graph keep its keys and values itself, empty at first, in the order that `BEAMS` asks for.

    They are the inputs named `PAST`; there are as many rows of them as of the input ``rows_of``.
    """
    beams = ops.parameter([-1], openvino.Type.i32, name=BEAMS)
    name_port(beams.output(0), BEAMS)
    graph.add_parameters([beams])
    pairs = {}
    for kept in graph.inputs:
        name = kept.get_any_name()
        if not name.startswith(PAST):
            continue
        readers = kept.get_target_inputs()
        ordered = ops.gather(kept, beams, ops.constant(0))
        for reader in readers:
            reader.replace_source_output(ordered.output(0))
        pairs[name] = name.replace(PAST, PRESENT)
    graph.validate_nodes_and_infer_types()
    apply_make_stateful_transformation(graph, pairs)
    rows = ops.gather(ops.shape_of(graph.input(rows_of), output_type="i64"), ops.constant([0]), ops.constant(0))
    for node in graph.get_ops():
        if node.get_type_name() == "ReadValue":
            _, heads, _, size = node.get_output_partial_shape(0)
            rest = ops.constant(np.array([heads.get_length(), 0, size.get_length()], np.int64))
            node.set_arguments([ops.broadcast(ops.constant(np.float32(0)), ops.concat([rows, rest], 0))])
    graph.validate_nodes_and_infer_types()


def compressed(graph: Any, dtype: str) -> Any:
    """Return a graph with its weights in ``dtype``; float32 leaves it as it is."""
    if dtype == "float32":
        return graph
    import nncf

    mode = nncf.CompressWeightsMode
    if dtype == "int8":
        return nncf.compress_weights(graph, mode=mode.INT8_ASYM)
    # A layer whose width is no multiple of the group's gets groups that fit.
    fitting = nncf.AdvancedCompressionParameters(group_size_fallback_mode=nncf.GroupSizeFallbackMode.ADJUST)
    return nncf.compress_weights(graph, mode=mode.INT4_ASYM, group_size=GROUP, advanced_parameters=fitting)
