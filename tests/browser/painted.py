"""The pixels of the focus map, as they are painted."""

import base64
import io

import numpy as np
from PIL import Image

from tests.browser.arithmetic import Array
from tests.browser.lab import Lab

PIXELS = """() => {
  const canvas = document.querySelector('#focus');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return [canvas.height, canvas.width, data];
}"""
# As text: a million numbers take half a minute on their way, as text a moment.
PIXELS_AS_TEXT = f"""() => {{
  const [height, width, data] = ({PIXELS})();
  let text = '';
  for (let at = 0; at < data.length; at += 4096)
    text += String.fromCharCode(...data.subarray(at, at + 4096));
  return [height, width, btoa(text)];
}}"""


def pixels(lab: Lab) -> Array:
    rows, cols, text = lab.page.evaluate(PIXELS_AS_TEXT)
    values = np.frombuffer(base64.b64decode(text), np.uint8).reshape(rows, cols, 4)
    return values[:, :, :3].astype(np.float64)


def on_screen(lab: Lab, row: int, col: int, *, rows: int, cols: int) -> list[int]:
    """Red, green and blue that the screen shows amid a cell of the focus map."""
    box = lab.focus.bounding_box()
    assert box is not None
    x = box["x"] + (col + 0.5) * box["width"] / cols
    y = box["y"] + (row + 0.5) * box["height"] / rows
    content = lab.page.screenshot(clip={"x": round(x), "y": round(y), "width": 1, "height": 1})
    with Image.open(io.BytesIO(content)) as pixel:
        return [int(level) for level in np.asarray(pixel.convert("RGB"))[0, 0]]
