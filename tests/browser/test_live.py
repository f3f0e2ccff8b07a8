"""Every edit goes out at once, one request is in flight, the newest wins."""

import time

import numpy as np
from playwright.sync_api import Request, Route, expect

from tests.browser.arithmetic import SOBEL_X, correlate, luma
from tests.browser.lab import Lab
from tests.serving import ROOT

HELD_SECONDS = 2.0
REPEAT_MS = 30


# Counts the forward requests of the page that are neither answered, read to the end, nor given up.
COUNT = """() => {
  const flight = { now: 0, most: 0, sent: 0 };
  const send = window.fetch;
  window.flight = flight;
  window.fetch = async (path, options = {}) => {
    if (!path.endsWith('/forward')) return send(path, options);
    let open = true;
    const end = () => {
      if (open) flight.now -= 1;
      open = false;
    };
    flight.sent += 1;
    flight.now += 1;
    flight.most = Math.max(flight.most, flight.now);
    options.signal?.addEventListener('abort', end);
    try {
      const answer = await send(path, options);
      const read = () => Response.prototype.arrayBuffer.call(answer).finally(end);
      return Object.defineProperty(answer, 'arrayBuffer', { value: read });
    } catch (error) {
      end();
      throw error;
    }
  };
}"""


def is_thumbnails(request: Request) -> bool:
    return bool(request.post_data_json["return"]["layers"] == "all")


def asks_with_kernel_cell(request: Request, value: float) -> bool:
    """Whether a map in focus is asked for with `value` as the first weight of the kernel."""
    if not request.url.endswith("/forward") or is_thumbnails(request):
        return False
    weight = request.post_data_json["layers"][0]["kernel"]
    while isinstance(weight, list):
        weight = weight[0]
    return bool(weight == value)


def test_held_arrow_keeps_one_request_in_flight_and_ends_on_the_newest_value(lab: Lab) -> None:
    gray = luma((ROOT / "app" / "samples" / "astronaut.jpg").read_bytes())
    lab.paint_gray()
    lab.shows(correlate(gray, SOBEL_X))
    lab.page.evaluate(COUNT)
    lab.cell(1, 1).click()
    presses = 0
    end = time.monotonic() + HELD_SECONDS
    while time.monotonic() < end:
        lab.page.keyboard.down("ArrowUp")  # down again without up: a repeat
        presses += 1
        lab.page.wait_for_timeout(REPEAT_MS)
    lab.page.keyboard.up("ArrowUp")
    expect(lab.cell(1, 1)).to_have_value(str(presses))
    newest = SOBEL_X.copy()
    newest[1, 1] = presses
    lab.shows(correlate(gray, newest))
    flight = lab.page.evaluate("window.flight")
    assert flight["most"] == 1
    assert flight["sent"] >= 3


def test_edit_during_a_slow_answer_waits_for_it_and_is_then_painted(blank: Lab) -> None:
    numbers = np.arange(30.0).reshape(5, 6) ** 2
    lab = blank.open_on(numbers)
    lab.shows(correlate(numbers, SOBEL_X))
    sent: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if is_thumbnails(route.request):  # of the state before the edit, perhaps
            route.continue_()
            return
        sent.append(route)
        if len(sent) > 1:
            route.continue_()

    lab.page.route("**/api/v1/forward", hold_the_first)
    with lab.page.expect_request(lambda request: asks_with_kernel_cell(request, 1)):
        lab.cell(0, 0).fill("1")
    lab.cell(0, 0).fill("2")
    lab.cell(0, 0).fill("3")
    expect(lab.maps.get_by_role("button", name="Cancel")).to_be_visible()  # over a second
    assert len(sent) == 1
    lab.shows(correlate(numbers, SOBEL_X))  # the last good map stays
    sent[0].continue_()
    newest = SOBEL_X.copy()
    newest[0, 0] = 3
    lab.shows(correlate(numbers, newest))


def test_cancelled_request_leaves_the_picture_as_it_is(blank: Lab) -> None:
    numbers = np.arange(30.0).reshape(5, 6) ** 2
    lab = blank.open_on(numbers)
    lab.shows(correlate(numbers, SOBEL_X))
    lab.page.route("**/api/v1/forward", lambda route: None)
    lab.cell(0, 0).fill("8")
    lab.maps.get_by_role("button", name="Cancel").click()
    expect(lab.maps.get_by_role("button", name="Cancel")).to_have_count(0)
    lab.shows(correlate(numbers, SOBEL_X))
    lab.page.unroute("**/api/v1/forward")
    lab.cell(0, 0).fill("9")
    lab.shows(correlate(numbers, [[9, 0, 1], [-2, 0, 2], [-1, 0, 1]]))


def test_controls_follow_an_edit_whose_answer_is_slow(lab: Lab) -> None:
    lab.page.route("**/api/v1/forward", lambda route: None)
    lab.cell(1, 1).click()
    lab.page.keyboard.press("ArrowUp")
    expect(lab.cell(1, 1)).to_have_value("1")
    expect(lab.page.get_by_role("button", name="Undo")).to_be_enabled()


def test_map_counts_as_exact_only_while_it_answers_what_is_asked(lab: Lab) -> None:
    lab.wait_until_exact()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    lab.page.route("**/api/v1/forward", hold, times=1)
    lab.cell(1, 1).fill("3")
    expect(lab.by_id("exact")).to_have_text("being computed")
    expect(lab.maps).to_contain_text("· being computed")
    held[0].continue_()
    expect(lab.by_id("exact")).to_have_text("exact")
    lab.by_id("padding").select_option("valid")
    lab.by_id("dilation").fill("300")
    expect(lab.by_id("exact")).to_have_text("of the last good answer")
