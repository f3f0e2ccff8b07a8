"""The lab in Chromium, worked as a person works it."""

import base64
import json
from typing import Any

import numpy as np
from playwright.sync_api import Error, FloatRect, Locator, Page, expect

from tests.browser.arithmetic import SOBEL_X, Array, gray_levels

PATIENCE_MS = 30_000
# The table of 512 colours rounds a level by a quarter, the level itself by a half.
EXACT = 0.8
# Eight bits a value on the wire add another half.
EIGHT_BITS = 1.3
NOTES_MATRIX = "The notes' matrix of two rows"

# Compares the focus canvas with gray levels until they agree; gives what differs, or null.
COMPARE = """async ({ levels, rows, cols, top, left, height, width, within, patience }) => {
  const bytes = Uint8Array.from(atob(levels), (char) => char.charCodeAt(0));
  const wanted = new Float32Array(bytes.buffer);
  const canvas = document.querySelector('#focus');
  const difference = () => {
    if (canvas.height !== rows || canvas.width !== cols)
      return `the canvas is ${canvas.height} x ${canvas.width}, not ${rows} x ${cols}`;
    const { data } = canvas.getContext('2d').getImageData(left, top, width, height);
    let wrong = 0;
    let worst = { by: 0 };
    for (let cell = 0; cell < wanted.length; cell += 1) {
      const [red, green, blue] = data.subarray(4 * cell, 4 * cell + 3);
      const by = red === green && green === blue ? Math.abs(red - wanted[cell]) : 999;
      if (by > within) wrong += 1;
      if (by > worst.by) worst = { by, cell, red, green, blue, wanted: wanted[cell] };
    }
    return wrong ? `${wrong} of ${wanted.length} cells; the worst: ${JSON.stringify(worst)}` : null;
  };
  const end = performance.now() + patience;
  for (;;) {
    const found = difference();
    if (found === null || performance.now() > end) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}"""

# Ends once an element has stayed where it is from one frame to the one after the next.
RESTS = """async (element) => {
  const place = () => JSON.stringify(element.getBoundingClientRect());
  for (let last = ''; last !== place(); ) {
    last = place();
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  }
}"""


def link(state: dict[str, Any] | str) -> str:
    """A fragment that carries `state`, JSON text or what becomes it."""
    text = state if isinstance(state, str) else json.dumps(state)
    return "#1:" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def state_in(address: str) -> Any:
    """What the fragment of an address carries."""
    code = address.partition("#1:")[2]
    return json.loads(base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)))


class Lab:
    """One page of the lab and what a person can do there."""

    def __init__(self, page: Page, base_url: str) -> None:
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        self.page = page
        self.base_url = base_url
        self.focus = page.get_by_test_id("focus")
        self.layers = page.get_by_role("region", name="Layers and kernel")
        self.kernel = page.locator("#kernel")
        self.geometry = page.locator("#geometry")
        self.maps = page.get_by_role("region", name="Feature maps")
        self.input = page.get_by_role("region", name="Input")

    def open(self, fragment: str = "") -> "Lab":
        """Open the page, wait for its lists and for the first map."""
        self.page.goto(f"{self.base_url}/{fragment}")
        expect(self.by_id("preset").or_(self.by_id("forward")).first).to_be_visible()
        expect(self.by_id("sample").locator("option").nth(1)).to_be_attached()
        self.page.wait_for_function("() => document.querySelector('#focus').width > 1")
        return self

    def open_on(self, numbers: Array, kernel: Array = SOBEL_X, padding: str = "same") -> "Lab":
        """Open the page on a small matrix under a kernel, in gray: much sooner than by hand."""
        conv = {"type": "conv2d", "kernel": kernel.tolist(), "stride": 1, "padding": padding}
        conv |= {"padding_mode": "zeros", "dilation": 1, "groups": 1, "bias": 0, "flip": False}
        gray = {"colors": "gray", "clip": 100}
        return self.open(link({"input": {"array": numbers.tolist()}, "layers": [conv], **gray}))

    def by_id(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    def resting_box(self, element: Locator) -> FloatRect | None:
        """Where an element is, once it has come to rest there."""
        element.evaluate(RESTS)
        return element.bounding_box()

    def cell(self, row: int, col: int) -> Locator:
        return self.by_id(f"kernel-{row}-{col}")

    def paint_gray(self) -> None:
        """Gray from the least value to the largest: pixels are then numbers."""
        self.by_id("colors").select_option("gray")
        self.page.get_by_label("Range of the colours").select_option("100")

    def add_layer(self, kind: str) -> None:
        """Add a layer below the chosen one, and wait until its card is there."""
        cards = self.page.locator("#stack .layer")
        count = cards.count()
        self.by_id("add-layer").click()
        self.by_id(f"add-{kind}").click()
        expect(cards).to_have_count(count + 1)

    def export(self, name: str) -> None:
        """Choose what the export menu offers."""
        self.by_id("export").click()
        self.by_id(name).click()

    def wait_until_exact(self) -> None:
        """Wait until the newest map stands there with its exact values."""
        self.page.wait_for_timeout(100)  # the edit's own answer takes the word back
        expect(self.by_id("exact")).to_have_text("exact")

    def enter_numbers(self, numbers: Array) -> None:
        """Type a small matrix in place of the picture, or of the numbers that are there."""
        if not self.by_id("numbers").is_visible():
            self.by_id("sample").select_option(label=NOTES_MATRIX)
        self.by_id("numbers").fill("\n".join(" ".join(f"{v:g}" for v in row) for row in numbers))
        self.by_id("numbers").blur()

    def paste_text(self, text: str) -> None:
        """Paste at the focused control, through the clipboard."""
        self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        self.page.keyboard.press("Control+V")

    def enter_kernel(self, kernel: Array) -> None:
        """Paste a kernel over the grid."""
        self.cell(0, 0).focus()
        self.paste_text("\n".join(" ".join(f"{v:g}" for v in row) for row in kernel))

    def choose_file(self, name: str, kind: str, content: bytes) -> None:
        self.by_id("file").set_input_files({"name": name, "mimeType": kind, "buffer": content})

    def click_cell(self, row: int, col: int, *, rows: int, cols: int) -> None:
        """Click the middle of a cell of the focus canvas, which shows rows × cols cells."""
        # Pointing first: the arithmetic that appears takes room from the map.
        self.point_at(row, col, rows=rows, cols=cols)
        expect(self.by_id("arithmetic")).to_contain_text("row")
        self.point_at(row, col, rows=rows, cols=cols)
        self.page.mouse.down()
        self.page.mouse.up()

    def point_at(self, row: int, col: int, *, rows: int, cols: int) -> None:
        """Move the mouse to the middle of a cell of the focus canvas."""
        self.focus.scroll_into_view_if_needed()
        box = self.focus.bounding_box()
        assert box is not None
        zoom = min(box["width"] / cols, box["height"] / rows)
        left, top = (box["width"] - cols * zoom) / 2, (box["height"] - rows * zoom) / 2
        self.page.mouse.move(
            box["x"] + left + (col + 0.5) * zoom, box["y"] + top + (row + 0.5) * zoom
        )

    def shows(
        self,
        values: Array,
        *,
        within: float = EXACT,
        part: tuple[slice, slice] = (slice(None), slice(None)),
    ) -> None:
        """Wait until every pixel of the focus canvas (or of a part) has its value's gray level."""
        rows, cols = values.shape
        (top, below, _), (left, right, _) = part[0].indices(rows), part[1].indices(cols)
        levels = gray_levels(values)[part].astype("<f4")
        difference = self.page.evaluate(
            COMPARE,
            {
                "levels": base64.b64encode(levels.tobytes()).decode(),
                "rows": rows,
                "cols": cols,
                "top": top,
                "left": left,
                "height": below - top,
                "width": right - left,
                "within": within,
                "patience": PATIENCE_MS,
            },
        )
        assert difference is None, difference

    def says_number(self, name: str, expected: float, within: float) -> None:
        """Wait until the text of `name` is a number within `within` of `expected`."""
        test = """([name, expected, within]) => {
          const text = document.querySelector(`[data-testid="${name}"]`)?.textContent ?? '';
          return Math.abs(Number(text.replace('−', '-')) - expected) <= within && text !== '';
        }"""
        try:
            self.page.wait_for_function(test, arg=[name, expected, within])
        except Error:
            found = self.by_id(name).all_text_contents()
            raise AssertionError(f"{name} says {found}, not {expected} ± {within}") from None

    def shows_kernel_gradient(self, expected: Array) -> None:
        """Wait until every cell of dL/dKernel has its number."""
        within = 2e-5 * max(1.0, float(np.abs(expected).max()))
        test = """([wanted, within]) => wanted.every((line, row) => line.every((value, col) => {
          const cell = document.querySelector(`[data-testid="kernel-gradient-${row}-${col}"]`);
          return cell !== null && Math.abs(Number(cell.title) - value) <= within;
        }))"""
        try:
            self.page.wait_for_function(test, arg=[expected.tolist(), within])
        except Error:
            cells = self.page.locator("[data-testid^=kernel-gradient-]").all()
            found = [cell.get_attribute("title") for cell in cells]
            raise AssertionError(f"dL/dKernel is {found}, not {expected.tolist()}") from None

    def state(self) -> Any:
        """What the link in the address bar carries."""
        return state_in(self.page.url)

    def link_holds(self, **wanted: Any) -> str:
        """Wait until the link carries these parts of the state; gives the link."""
        test = """(wanted) => {
          const code = location.hash.slice(3).replaceAll('-', '+').replaceAll('_', '/');
          if (!code) return false;
          const state = JSON.parse(atob(code));
          return Object.entries(wanted).every(
            ([name, value]) => JSON.stringify(state[name]) === JSON.stringify(value));
        }"""
        self.page.wait_for_function(test, arg=wanted)
        return self.page.url

    def weights(self) -> list[float]:
        """The numbers in the cells of the kernel, row after row."""
        cells = self.page.locator('[role=grid][aria-label="Kernel weights"] input')
        return [float(cell.input_value().replace("−", "-")) for cell in cells.all()]
