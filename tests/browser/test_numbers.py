"""Numbers that are typed in place of a picture."""

from playwright.sync_api import expect

from tests.browser.lab import NOTES_MATRIX, Lab

CARET = "text => [text.selectionStart, text.selectionEnd]"


def test_numbers_apply_while_they_are_typed_and_the_text_and_its_caret_stay(lab: Lab) -> None:
    lab.by_id("sample").select_option(label=NOTES_MATRIX)
    text = lab.by_id("numbers")
    expect(text).to_have_value("1 2 3 4 5\n5 6 7 8 9")
    text.focus()
    text.evaluate("text => text.setSelectionRange(1, 1)")
    lab.page.keyboard.type("7  ")
    expect(lab.by_id("input-0-0")).to_have_value("17")
    expect(text).to_have_value("17   2 3 4 5\n5 6 7 8 9")
    assert text.evaluate(CARET) == [4, 4]
    lab.page.keyboard.type("x")
    told = lab.input.get_by_role("alert")
    expect(told).to_contain_text("“x” is no decimal number. Write a row a line")
    expect(text).to_have_attribute("aria-invalid", "true")
    expect(lab.by_id("input-0-1")).to_have_value("2")
    expect(text).to_have_value("17  x 2 3 4 5\n5 6 7 8 9")
    assert text.evaluate(CARET) == [5, 5]
    text.blur()
    expect(text).to_have_value("17  x 2 3 4 5\n5 6 7 8 9")
    text.focus()
    text.evaluate("text => text.setSelectionRange(5, 5)")
    lab.page.keyboard.press("Backspace")
    expect(told).to_have_count(0)
    text.blur()
    expect(text).to_have_value("17 2 3 4 5\n5 6 7 8 9")
