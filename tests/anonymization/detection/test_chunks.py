"""Long texts in pieces."""

from hypothesis import given
from hypothesis import strategies as st

from labelmill_anonymization.detection.chunks import chunks


@given(st.text(alphabet="ab .\n\U0001f600", max_size=2500), st.integers(1, 900), st.integers(0, 50))
def test_each_code_point_belongs_to_one_piece(text: str, size: int, around: int) -> None:
    owned = [
        chunk.start + position
        for chunk in chunks(text, size=size, around=around)
        for position in range(len(chunk.content))
        if chunk.owns(position)
    ]
    assert owned == list(range(len(text)))


def test_pieces_end_where_lines_and_sentences_do() -> None:
    text = "One sentence here. " * 100
    ends = [chunk.content[: chunk.end] for chunk in chunks(text, size=500, around=10)]
    assert all(end.endswith(". ") for end in ends)
