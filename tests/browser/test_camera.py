"""A picture from the camera of this computer: Chromium's own test picture, green with a clock."""

from playwright.sync_api import expect

from tests.browser.lab import Lab

REFUSE = """() => {
  navigator.mediaDevices.getUserMedia = async () => {
    throw new DOMException('Permission denied', 'NotAllowedError');
  };
}"""
HOLD = """() => {
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.asked = 0;
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    window.asked += 1;
    const stream = await ask(wanted);
    window.track = stream.getTracks()[0];
    await new Promise((resolve) => (window.allow = resolve));
    return stream;
  };
}"""
SEES = "() => document.querySelector('.preview video')?.videoWidth > 0"
SIZE = """() => {
  const video = document.querySelector('.preview video');
  window.track = video.srcObject.getTracks()[0];
  return `${video.videoHeight} × ${video.videoWidth}`;
}"""
MIDDLE = """() => {
  const context = new OffscreenCanvas(1, 1).getContext('2d');
  const picture = document.querySelector('[data-testid=picture]');
  context.drawImage(picture, 0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data];
}"""


def test_camera_is_seen_and_its_picture_is_the_input(lab: Lab) -> None:
    lab.by_id("rgb").click()
    lab.wait_until_exact()
    opener = lab.by_id("open-camera")
    opener.click()
    lab.page.wait_for_function(SEES)
    size = lab.page.evaluate(SIZE)
    lab.page.keyboard.press("Escape")
    expect(lab.by_id("preview")).to_have_count(0)
    assert lab.page.evaluate("window.track.readyState") == "ended"
    opener.click()
    lab.page.wait_for_function(SEES)
    lab.page.evaluate(SIZE)
    lab.by_id("shutter").click()
    expect(lab.by_id("map-size")).to_have_text(size)
    expect(lab.by_id("preview")).to_have_count(0)
    expect(lab.by_id("about-input")).to_contain_text("JPEG")
    assert lab.page.evaluate("window.track.readyState") == "ended"
    lab.page.wait_for_function(
        "() => document.querySelector('[data-testid=picture]').src.includes('/images/')"
        " && document.querySelector('[data-testid=picture]').complete"
    )
    red, green, blue, _ = lab.page.evaluate(MIDDLE)
    assert green > 1.2 * max(red, blue)


def test_camera_that_comes_after_something_else_was_chosen_goes_out_again(lab: Lab) -> None:
    lab.wait_until_exact()
    lab.page.evaluate(HOLD)
    lab.by_id("open-camera").click()
    lab.page.wait_for_function("() => window.allow !== undefined")
    lab.by_id("open-camera").click()
    assert lab.page.evaluate("window.asked") == 1  # the person is still being asked
    lab.by_id("sample").select_option("chessboard")
    lab.wait_until_exact()
    lab.page.evaluate("window.allow()")
    lab.page.wait_for_function("() => window.track.readyState === 'ended'")
    expect(lab.by_id("preview")).to_have_count(0)
    expect(lab.by_id("open-camera")).to_have_attribute("aria-pressed", "false")


def test_camera_that_is_kept_from_the_page_says_what_to_do(lab: Lab) -> None:
    lab.wait_until_exact()
    lab.page.evaluate(REFUSE)
    lab.by_id("open-camera").click()
    expect(lab.input.get_by_role("alert")).to_contain_text("allow it beside the address")
    expect(lab.by_id("preview")).to_have_count(0)
    expect(lab.by_id("picture")).to_be_visible()
    lab.by_id("sample").select_option("chessboard")
    expect(lab.input.get_by_role("alert")).to_have_count(0)
