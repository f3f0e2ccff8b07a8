"""What people would pick instead, each given the layout it likes best and both cores."""

from collections.abc import Callable

import cv2
import numpy as np
import onnx
import onnxruntime
import scipy.ndimage
import scipy.signal
import torch
from onnx import TensorProto, helper

from benchmarks.workloads import Workload

Call = Callable[[], object]
THREADS = 2

torch.set_num_threads(THREADS)
cv2.setNumThreads(THREADS)


def peers_of(workload: Workload) -> dict[str, Call]:
    """Return every peer that can do this workload, ready to be called."""
    x, kernel = workload.arrays()
    calls = {
        "torch": torch_call(workload, x, kernel, torch.contiguous_format),
        "torch channels_last": torch_call(workload, x, kernel, torch.channels_last),
        "onnxruntime": onnxruntime_call(workload, x, kernel),
    }
    if workload.stride == 1 and workload.x_shape[0] == 1:
        per_channel = workload.groups == workload.x_shape[1]
        if per_channel or workload.kernel_shape[0] == 1:
            calls["OpenCV"] = opencv_call(workload, x, kernel)
            calls["scipy.ndimage"] = lambda: per_plane(x, kernel, per_channel, ndimage_plane)
            calls["scipy.signal"] = lambda: per_plane(x, kernel, per_channel, signal_plane)
    return calls


def torch_call(
    workload: Workload, x: np.ndarray, kernel: np.ndarray, layout: torch.memory_format
) -> Call:
    tensor = torch.from_numpy(x).to(memory_format=layout)
    weight = torch.from_numpy(kernel).to(memory_format=layout)

    def call() -> torch.Tensor:
        with torch.inference_mode():
            return torch.nn.functional.conv2d(
                tensor,
                weight,
                stride=workload.stride,
                padding=workload.padding,
                groups=workload.groups,
            )

    return call


def torch_gradients(workload: Workload, upstream: np.ndarray) -> Call:
    """Return torch's own kernel for both gradients, without the forward pass."""
    x, kernel = (torch.from_numpy(array) for array in workload.arrays())
    gradient = torch.from_numpy(upstream)
    stride, padding = [workload.stride] * 2, [workload.padding] * 2
    wanted = [True, True, False]

    def call() -> tuple[torch.Tensor, ...]:
        return torch.ops.aten.convolution_backward(
            gradient,
            x,
            kernel,
            [0],
            stride,
            padding,
            [1, 1],
            False,
            [0, 0],
            workload.groups,
            wanted,
        )

    return call


def torch_pool(x: np.ndarray, size: int, stride: int, padding: int) -> tuple[Call, Callable]:
    """Return torch's max pooling, and its backward pass for an upstream gradient."""
    tensor = torch.from_numpy(x)
    pool = torch.nn.functional.max_pool2d
    _, indices = pool(tensor, size, stride, padding, return_indices=True)

    def forward() -> torch.Tensor:
        with torch.inference_mode():
            return pool(tensor, size, stride, padding)

    def backward(upstream: np.ndarray) -> Call:
        gradient = torch.from_numpy(upstream)
        pair = [size] * 2, [stride] * 2, [padding] * 2, [1, 1], False, indices
        backward_kernel = torch.ops.aten.max_pool2d_with_indices_backward
        return lambda: backward_kernel(gradient, tensor, *pair)

    return forward, backward


def onnxruntime_call(workload: Workload, x: np.ndarray, kernel: np.ndarray) -> Call:
    node = helper.make_node(
        "Conv",
        ["x", "w"],
        ["y"],
        strides=[workload.stride] * 2,
        pads=[workload.padding] * 4,
        group=workload.groups,
    )
    graph = helper.make_graph(
        [node],
        "convolution",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(kernel, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda: session.run(None, {"x": x})


def opencv_call(workload: Workload, x: np.ndarray, kernel: np.ndarray) -> Call:
    """Return OpenCV's filter; pictures of several channels are interleaved where it helps it."""
    border = cv2.BORDER_CONSTANT
    if workload.separable:
        u, _, v = np.linalg.svd(kernel[0, 0])
        scale = np.float32(u[:, 0] @ kernel[0, 0] @ v[0])
        column, row = (u[:, 0] * scale).astype(np.float32), v[0].astype(np.float32)
        return lambda: cv2.sepFilter2D(x[0, 0], -1, row, column, borderType=border)
    planes = [np.ascontiguousarray(plane) for plane in x[0]]
    if workload.groups > 1:
        taps = kernel[:, 0]
        return lambda: [
            cv2.filter2D(plane, -1, tap, borderType=border)
            for plane, tap in zip(planes, taps, strict=True)
        ]

    def call() -> np.ndarray:
        out = cv2.filter2D(planes[0], -1, kernel[0, 0], borderType=border)
        for plane, tap in zip(planes[1:], kernel[0, 1:], strict=True):
            cv2.add(out, cv2.filter2D(plane, -1, tap, borderType=border), out)
        return out

    return call


def per_plane(x: np.ndarray, kernel: np.ndarray, per_channel: bool, plane: Callable) -> object:
    if per_channel:
        return [plane(a, k) for a, k in zip(x[0], kernel[:, 0], strict=True)]
    return sum(plane(a, k) for a, k in zip(x[0], kernel[0], strict=True))


def ndimage_plane(plane: np.ndarray, taps: np.ndarray) -> np.ndarray:
    return scipy.ndimage.correlate(plane, taps, mode="constant")


def signal_plane(plane: np.ndarray, taps: np.ndarray) -> np.ndarray:
    return scipy.signal.fftconvolve(plane, taps[::-1, ::-1], mode="same")
