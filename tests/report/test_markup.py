from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from masr.report.markup import Markup, coordinate, escape, shorten, tag, width_of

ANY = st.text(st.characters(), max_size=60) | st.text("<>&;\"'/=!- abi#", max_size=60)


class Reader(HTMLParser):
    """What a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.tags, self.values = "", [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(name)
        self.values += [value for _, value in attributes]

    def handle_data(self, data: str) -> None:
        self.text += data


@given(ANY, ANY)
def test_no_text_becomes_markup(text: str, value: str) -> None:
    found = Reader(tag("p", text, title=value))
    assert found.tags == ["p"]
    kept = [letter for letter in text if letter.isprintable()]
    assert [letter for letter in found.text if letter.isprintable() and letter != "\ufffd"] == [
        letter for letter in kept if letter != "\ufffd"
    ]
    tag("p", text, title=value).encode("utf-8")


def test_control_and_direction_characters_are_replaced() -> None:
    assert escape("a\x00b\u202ec\ud800") == "a\ufffdb\ufffdc\ufffd"
    assert escape(Markup("<b>")) == "<b>"


def test_attributes() -> None:
    assert tag("a", class_="x", data_y=1.5, hidden=True, title=None, open=False) == (
        '<a class="x" data-y="1.5" hidden></a>'
    )
    assert tag("meta", name="n") == '<meta name="n">'
    assert coordinate(-0.001) == "0"
    assert coordinate(12.345) == "12.35" or coordinate(12.345) == "12.34"


@given(ANY, st.integers(3, 30))
def test_a_shortened_text_is_no_longer_than_asked(text: str, most: int) -> None:
    short = shorten(text, most)
    assert len(short) <= most
    assert short == " ".join(text.split()) or "\N{HORIZONTAL ELLIPSIS}" in short


def test_widths_grow_with_the_script() -> None:
    assert width_of("iii", 10) < width_of("aaa", 10) < width_of("語語語", 10)
