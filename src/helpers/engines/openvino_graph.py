"""What the graphs of all models have in common: how they keep keys and values, and how their weights are written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import torch
from openvino import opset13 as ops
from openvino._offline_transformations import apply_make_stateful_transformation
from openvino.op.util import Variable, VariableInfo
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


class First(DynamicLayer):  # type: ignore[misc]
    """A layer of a cache that begins empty, which the tracer would put first into whatever comes."""

    def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
        self.keys, self.values = key_states, value_states
        return key_states, value_states


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


def merged(graph: Any) -> None:
    """Make one matrix of those that multiply the same, such as the three of an attention: fewer, longer steps."""
    readers: dict[Any, list[Any]] = defaultdict(list)
    for node in graph.get_ops():
        if node.get_type_name() == "MatMul" and node.input_value(1).get_node().get_type_name() == "Constant":
            of = node.input_value(0)
            readers[of.get_node().get_friendly_name(), of.get_index()].append(node)
    for nodes in readers.values():
        weights = [node.input_value(1).get_node().data for node in nodes]
        if len(nodes) == 1 or not all(node.get_attributes()["transpose_b"] for node in nodes):
            continue
        product = ops.matmul(nodes[0].input_value(0), ops.constant(np.concatenate(weights)), False, True)
        lengths = ops.constant(np.array([len(one) for one in weights], np.int64))
        parts = ops.variadic_split(product, ops.constant(-1), lengths)
        for place, node in enumerate(nodes):
            node.output(0).replace(parts.output(place))
    graph.validate_nodes_and_infer_types()


def as_language_model(graph: Any) -> None:
    """Have OpenVINO take a graph for a language model: it has a state, and an attention of OpenVINO's own.

    It multiplies the matrices of such a model in another way, which took two thirds of the time for a step of four
    beams (weights in half precision, 2026.4.1). State and attention are there for that alone, and nothing reads them.
    """
    of = VariableInfo()
    of.data_shape, of.data_type, of.variable_id = openvino.PartialShape([1, 1, 1, 16]), openvino.Type.f32, "unread"
    state = Variable(of)
    unread = ops.read_value(ops.constant(np.zeros([1, 1, 1, 16], np.float32)), state)
    graph.add_variables([state])
    graph.add_sinks([ops.assign(ops.scaled_dot_product_attention(unread, unread, unread), state)])
    graph.validate_nodes_and_infer_types()


def save(graph: Any, file: Path, dtype: str) -> None:
    """Write a graph with its weights in ``dtype``; what is multiplied in another type than fp32 is not said here."""
    openvino.save_model(_compressed(graph, dtype), file, compress_to_fp16=dtype == "float16")


def _compressed(graph: Any, dtype: str) -> Any:
    """Return a graph with its weights in a type of whole numbers; other types leave it as it is."""
    if not dtype.startswith("int"):
        return graph
    import nncf

    mode = nncf.CompressWeightsMode
    if dtype == "int8":
        return nncf.compress_weights(graph, mode=mode.INT8_ASYM)
    # A layer whose width is no multiple of the group's gets groups that fit.
    fitting = nncf.AdvancedCompressionParameters(group_size_fallback_mode=nncf.GroupSizeFallbackMode.ADJUST)
    return nncf.compress_weights(graph, mode=mode.INT4_ASYM, group_size=GROUP, advanced_parameters=fitting)
