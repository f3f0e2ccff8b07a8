"""How numbers are read from text, in the page's own module."""

from typing import Any

from tests.browser.lab import Lab

READ: list[tuple[str, list[list[float]]]] = [
    ("0,5", [[0.5]]),
    ("\N{MINUS SIGN}1e\N{MINUS SIGN}3", [[-0.001]]),
    ("\N{EN DASH}3 4", [[-3, 4]]),
    ("0,5 0,5\n0,5 1", [[0.5, 0.5], [0.5, 1]]),
    ("0,5\t2\r\n1\t0,25\r\n", [[0.5, 2], [1, 0.25]]),
    ("0,5;2\n1;0,25", [[0.5, 2], [1, 0.25]]),
    ("1,2,3\n4,5,6", [[1, 2, 3], [4, 5, 6]]),
    ("1, 2\n3, 4", [[1, 2], [3, 4]]),
    ("1 2; 3 4", [[1, 2], [3, 4]]),
    ("[1,2;3,4]", [[1, 2], [3, 4]]),
    ("[[1,2],[3,4]]", [[1, 2], [3, 4]]),
    ("[[ 1.  2.]\n [ 3. -4.]]", [[1, 2], [3, -4]]),
    ("np.array([[1, 2], [3, 4]], dtype=np.float32)", [[1, 2], [3, 4]]),
    ("tensor([[1., 2.],\n        [3., 4.]])", [[1, 2], [3, 4]]),
]
REFUSED = [
    ("1\t\t2", "empty cell"),
    ("1,,2", "empty cell"),
    ("[[1, 2], [3]]", "all of one length"),
    ("0,5;0,5", "one number or two"),
    ("1,5, 2,5", "one number or two"),
    ("1,2\n3,4", "one number or two"),
    ("[[[1, 2]], [[3, 4]]]", "brackets"),
    ("1 five", "no decimal number"),
    (" ", "no numbers"),
]


def parsed(lab: Lab, texts: list[str]) -> Any:
    return lab.page.evaluate(
        """async (texts) => {
          const { parseMatrix } = await import(
            new URL('matrix-text.js', document.querySelector('script[type=module]').src)
          );
          return texts.map(parseMatrix);
        }""",
        texts,
    )


def test_text_of_people_and_programs_is_read_as_a_matrix(lab: Lab) -> None:
    found = parsed(lab, [text for text, _ in READ])
    assert found == [{"value": matrix} for _, matrix in READ]


def test_text_that_may_mean_two_matrices_is_refused_in_a_sentence(lab: Lab) -> None:
    found = parsed(lab, [text for text, _ in REFUSED])
    for (text, words), answer in zip(REFUSED, found, strict=True):
        assert words in answer.get("error", ""), (text, answer)
