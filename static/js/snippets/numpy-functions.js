/** Layers as functions of plain NumPy, in Python: the text of each, and the functions that it calls. */

/** @typedef {{calls?: string[], text: string}} PythonFunction */

const WINDOWS = `def windows(x, size, stride, dilation):
    """View every window of x: shape (N, C, rows, cols, *size)."""
    span = [d * (k - 1) + 1 for d, k in zip(dilation, size)]
    view = np.lib.stride_tricks.sliding_window_view(x, span, axis=(2, 3))
    return view[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]
`;

const CONV2D = `def conv2d(
    x, kernel, stride=(1, 1), pads=((0, 0), (0, 0)), mode="constant", dilation=(1, 1),
    groups=1,
):
    """Sum each window of x (N, C, H, W) times each kernel (O, C / groups, KH, KW)."""
    padded = np.pad(x, ((0, 0), (0, 0), *pads), mode)
    patches = windows(padded, kernel.shape[2:], stride, dilation)
    patches = patches.reshape(len(x), groups, -1, *patches.shape[2:])
    filters = kernel.reshape(groups, -1, *kernel.shape[1:])
    maps = np.einsum("ngchwuv,gocuv->ngohw", patches, filters)
    return maps.reshape(len(x), -1, *maps.shape[3:])
`;

const CONV2D_GRADIENTS = `def conv2d_gradients(
    upstream, x, kernel, stride=(1, 1), pads=((0, 0), (0, 0)), mode="constant",
    dilation=(1, 1), groups=1,
):
    """Return dL/dx and dL/dkernel: every patch and every weight, times what came of them."""
    padded = np.pad(x, ((0, 0), (0, 0), *pads), mode)
    patches = windows(padded, kernel.shape[2:], stride, dilation)
    patches = patches.reshape(len(x), groups, -1, *patches.shape[2:])
    filters = kernel.reshape(groups, -1, *kernel.shape[1:])
    arrived = upstream.reshape(len(x), groups, -1, *upstream.shape[2:])
    grad_kernel = np.einsum("ngchwuv,ngohw->gocuv", patches, arrived).reshape(kernel.shape)
    wide = np.zeros((len(x), groups, filters.shape[2], *padded.shape[2:]))
    rows, cols = upstream.shape[2:]
    for u, v in np.ndindex(kernel.shape[2:]):
        top, left = u * dilation[0], v * dilation[1]
        down = slice(top, top + stride[0] * rows, stride[0])
        across = slice(left, left + stride[1] * cols, stride[1])
        wide[..., down, across] += np.einsum("ngohw,goc->ngchw", arrived, filters[..., u, v])
    return unpadded(wide.reshape(padded.shape), x.shape, pads, mode), grad_kernel
`;

const UNPADDED = `def unpadded(wide, shape, pads, mode):
    """Give what arrived at the padding back to the cells that it was copied from."""
    (top, _), (left, _) = pads
    rows, cols = shape[2:]
    if mode == "constant":
        return wide[:, :, top : top + rows, left : left + cols]
    source = np.pad(np.arange(rows * cols).reshape(rows, cols), pads, mode).ravel()
    planes = wide.reshape(-1, source.size)
    return np.stack([np.bincount(source, plane, rows * cols) for plane in planes]).reshape(shape)
`;

const CONV_TRANSPOSE2D = `def spread(shape, size, start, out, stride, dilation):
    """Return the rows and columns that all kernels together reach over."""
    sides = zip(shape, size, start, out, stride, dilation)
    return [max(s * (n - 1) + d * (k - 1) + 1, at + m) for n, k, at, m, s, d in sides]


def conv_transpose2d(x, kernel, start, out, stride=(1, 1), dilation=(1, 1), groups=1):
    """Add each cell of x (N, C, H, W) times each kernel (C, O / groups, KH, KW) to what it reaches."""
    rows, cols = x.shape[2:]
    given = x.reshape(len(x), groups, -1, rows, cols)
    filters = kernel.reshape(groups, -1, *kernel.shape[1:])
    sides = spread(x.shape[2:], kernel.shape[2:], start, out, stride, dilation)
    wide = np.zeros((len(x), groups, filters.shape[2], *sides))
    for u, v in np.ndindex(kernel.shape[2:]):
        top, left = u * dilation[0], v * dilation[1]
        down = slice(top, top + stride[0] * (rows - 1) + 1, stride[0])
        across = slice(left, left + stride[1] * (cols - 1) + 1, stride[1])
        wide[..., down, across] += np.einsum("ngchw,gco->ngohw", given, filters[..., u, v])
    maps = wide.reshape(len(x), -1, *sides)
    return maps[:, :, start[0] : start[0] + out[0], start[1] : start[1] + out[1]]
`;

const CONV_TRANSPOSE2D_GRADIENTS = `def conv_transpose2d_gradients(
    upstream, x, kernel, start, out, stride=(1, 1), dilation=(1, 1), groups=1
):
    """Return dL/dx, a convolution of what arrived, and dL/dkernel."""
    rows, cols = x.shape[2:]
    wide = np.zeros((*upstream.shape[:2], *spread(x.shape[2:], kernel.shape[2:], start, out, stride, dilation)))
    wide[:, :, start[0] : start[0] + out[0], start[1] : start[1] + out[1]] = upstream
    patches = windows(wide, kernel.shape[2:], stride, dilation)[:, :, :rows, :cols]
    patches = patches.reshape(len(x), groups, -1, *patches.shape[2:])
    given = x.reshape(len(x), groups, -1, rows, cols)
    filters = kernel.reshape(groups, -1, *kernel.shape[1:])
    grad = np.einsum("ngohwuv,gcouv->ngchw", patches, filters).reshape(x.shape)
    return grad, np.einsum("ngohwuv,ngchw->gcouv", patches, given).reshape(kernel.shape)
`;

const MAX_POOL2D = `def max_pool2d(x, size, stride=(1, 1), pads=((0, 0), (0, 0)), dilation=(1, 1)):
    """Return the largest value of each window."""
    padded = np.pad(x, ((0, 0), (0, 0), *pads), constant_values=-np.inf)
    return windows(padded, size, stride, dilation).max((4, 5))
`;

const MAX_POOL2D_GRADIENT = `def max_pool2d_gradient(upstream, x, size, stride=(1, 1), pads=((0, 0), (0, 0)), dilation=(1, 1)):
    """Send each gradient to the first of the largest cells of its window."""
    padded = np.pad(x, ((0, 0), (0, 0), *pads), constant_values=-np.inf)
    patches = windows(padded, size, stride, dilation)
    first = patches.reshape(*patches.shape[:4], -1).argmax(4)
    n, c, row, col = np.indices(first.shape)
    grad = np.zeros(padded.shape)
    row = row * stride[0] + first // size[1] * dilation[0]
    col = col * stride[1] + first % size[1] * dilation[1]
    np.add.at(grad, (n, c, row, col), upstream)
    (top, _), (left, _) = pads
    return grad[:, :, top : top + x.shape[2], left : left + x.shape[3]]
`;

const AVG_POOL2D = `def counts(shape, size, stride, pads, extra, count_padding):
    """Return how many cells of each window are counted."""
    cells = np.pad(np.ones((1, 1, *shape[2:])), ((0, 0), (0, 0), *pads), constant_values=count_padding)
    return windows(np.pad(cells, ((0, 0), (0, 0), *extra)), size, stride, (1, 1)).sum((4, 5))


def avg_pool2d(
    x, size, stride=(1, 1), pads=((0, 0), (0, 0)), extra=((0, 0), (0, 0)),
    count_padding=True,
):
    """Return the mean of each window; \`extra\` cells complete the last ones and never count."""
    padded = np.pad(np.pad(x, ((0, 0), (0, 0), *pads)), ((0, 0), (0, 0), *extra))
    sums = windows(padded, size, stride, (1, 1)).sum((4, 5))
    return sums / counts(x.shape, size, stride, pads, extra, count_padding)
`;

const AVG_POOL2D_GRADIENT = `def avg_pool2d_gradient(
    upstream, x, size, stride=(1, 1), pads=((0, 0), (0, 0)), extra=((0, 0), (0, 0)),
    count_padding=True,
):
    """Share each gradient among the cells of its window."""
    shares = upstream / counts(x.shape, size, stride, pads, extra, count_padding)
    rows, cols = upstream.shape[2:]
    grad = np.pad(np.pad(np.zeros(x.shape), ((0, 0), (0, 0), *pads)), ((0, 0), (0, 0), *extra))
    for u, v in np.ndindex(*size):
        down = slice(u, u + stride[0] * rows, stride[0])
        across = slice(v, v + stride[1] * cols, stride[1])
        grad[:, :, down, across] += shares
    (top, _), (left, _) = pads
    return grad[:, :, top : top + x.shape[2], left : left + x.shape[3]]
`;

/** @type {Record<string, PythonFunction>} */
export const FUNCTIONS = {
  windows: { text: WINDOWS },
  unpadded: { text: UNPADDED },
  conv2d: { calls: ['windows'], text: CONV2D },
  conv2d_gradients: { calls: ['windows', 'unpadded'], text: CONV2D_GRADIENTS },
  conv_transpose2d: { text: CONV_TRANSPOSE2D },
  conv_transpose2d_gradients: { calls: ['windows', 'conv_transpose2d'], text: CONV_TRANSPOSE2D_GRADIENTS },
  max_pool2d: { calls: ['windows'], text: MAX_POOL2D },
  max_pool2d_gradient: { calls: ['windows'], text: MAX_POOL2D_GRADIENT },
  avg_pool2d: { calls: ['windows'], text: AVG_POOL2D },
  avg_pool2d_gradient: { calls: ['avg_pool2d'], text: AVG_POOL2D_GRADIENT },
  sigmoid: {
    text: `def sigmoid(x):
    """Return 1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))
`,
  },
  normal: {
    text: `def normal(x):
    """Return the share of the standard normal distribution below x."""
    return (1 + np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2))) / 2
`,
  },
  softmax: {
    text: `def softmax(x, axis):
    """Turn values along an axis into shares that add up to 1."""
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)
`,
  },
};

/** The texts of the functions that are used, those that they call first. @param {Iterable<string>} used */
export function functionTexts(used) {
  /** @type {Set<string>} */
  const named = new Set();
  const add = (/** @type {string} */ name) => {
    FUNCTIONS[name].calls?.forEach(add);
    named.add(name);
  };
  for (const name of used) add(name);
  return [...named].map((name) => FUNCTIONS[name].text);
}
