"""The trained network as an ONNX file with most weights in half precision, which OpenCV reads."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from featurize.networks.blending_lite0 import CROP_PX
from pretraining.blending_network.architecture import BlendingNetwork, without_normalisation

OPSET = 13
_IR_VERSION = 8

LARGEST_WHOLE = 15_000
"""Weights of up to so many numbers stay in single precision: the filters of single channels, which
rounding hurts most, are 4 % of all. The log-odds then move by 0.006 at most over 52 crops, where
they spread by 3.0; with all weights in half precision by 0.075."""


def onnx_bytes(network: BlendingNetwork) -> bytes:
    """The network, computing in single precision, its large weights rounded to half.

    Parameters
    ----------
    network : BlendingNetwork
        As trained.

    Returns
    -------
    bytes
        An ONNX model from ``(1, 3, side, side)`` float32 to ``(1, 1)``; the same network gives the
        same bytes.
    """
    plain = without_normalisation(network)
    graph = _Graph({name: value.numpy() for name, value in plain.state_dict().items()})
    features = plain.features
    last = graph.convolution("picture", "features._conv_stem", features._conv_stem, bounded=True)
    for number, block in enumerate(features._blocks):
        last = _block(graph, last, f"features._blocks.{number}", block)
    last = graph.convolution(last, "features._conv_head", features._conv_head, bounded=True)
    last = graph.node("Flatten", [graph.node("GlobalAveragePool", [last])], axis=1)
    weights = [graph.constant("head.weight"), graph.constant("head.bias")]
    graph.node("Gemm", [last, *weights], output="log_odds", transB=1)
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, CROP_PX, CROP_PX])
    answer = helper.make_tensor_value_info("log_odds", TensorProto.FLOAT, [1, 1])
    made = helper.make_graph(graph.nodes, "blending_lite0", [picture], [answer], graph.constants)
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION
    )
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def export(network: BlendingNetwork, path: Path) -> None:
    """Write :func:`onnx_bytes`; a file that is there is whole."""
    unfinished = path.with_name(f"_{path.name}")
    unfinished.write_bytes(onnx_bytes(network))
    unfinished.replace(path)


class _Graph:
    """Nodes and constants in the making."""

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants = [
            numpy_helper.from_array(np.float32(bound), name)
            for name, bound in (("least", 0.0), ("most", 6.0))
        ]
        self._weights = weights

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: object) -> str:
        """Add a node; the name of what it gives."""
        output = output or f"value{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, name: str) -> str:
        """A weight; the name of its single-precision value."""
        weight = self._weights[name]
        if weight.size <= LARGEST_WHOLE:
            self.constants.append(numpy_helper.from_array(weight, name))
            return name
        self.constants.append(numpy_helper.from_array(weight.astype(np.float16), name))
        return self.node("Cast", [name], to=TensorProto.FLOAT)

    def convolution(self, last: str, name: str, layer: object, *, bounded: bool) -> str:
        """A convolution, with the ReLU6 after it where it is `bounded`."""
        left, right, top, bottom = getattr(layer.static_padding, "padding", (0, 0, 0, 0))
        given = self.node(
            "Conv",
            [last, self.constant(f"{name}.weight"), self.constant(f"{name}.bias")],
            kernel_shape=list(layer.kernel_size),
            strides=list(layer.stride),
            pads=[top, left, bottom, right],
            group=layer.groups,
        )
        return self.node("Clip", [given, "least", "most"]) if bounded else given


def _block(graph: _Graph, last: str, name: str, block: object) -> str:
    given = last
    if hasattr(block, "_expand_conv"):
        given = graph.convolution(given, f"{name}._expand_conv", block._expand_conv, bounded=True)
    depthwise = block._depthwise_conv
    given = graph.convolution(given, f"{name}._depthwise_conv", depthwise, bounded=True)
    given = graph.convolution(given, f"{name}._project_conv", block._project_conv, bounded=False)
    skipped = block.id_skip and depthwise.stride in (1, [1, 1], (1, 1))
    if skipped and block._block_args.input_filters == block._block_args.output_filters:
        given = graph.node("Add", [given, last])
    return given
