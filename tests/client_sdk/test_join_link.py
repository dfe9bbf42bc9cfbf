import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_sdk.errors import MailleError
from client_sdk.join_link import JoinLink, read_join_link

KEY = "AkXIZFzonb59ZmGwyKgi3H3BwMi6amevqdKQiLZhdtc"
CODE = "abcdef-ghjkmn-pqrstu-vwxyz2"
CODES = st.text(alphabet="abcdefghjkmnpqrstuvwxyz23456789- &#=%é", min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("https://collector.example", JoinLink("https://collector.example")),
        (" https://collector.example/ \n", JoinLink("https://collector.example")),
        ("http://127.0.0.1:8420", JoinLink("http://127.0.0.1:8420")),
        (f"https://collector.example/a/b#key={KEY}", JoinLink("https://collector.example/a/b", KEY)),
        (
            f"https://collector.example#key={KEY}&invitation={CODE}",
            JoinLink("https://collector.example", KEY, CODE),
        ),
        (
            f"maille://join?collector=https%3A%2F%2Fcollector.example%2Fa&key={KEY}&invitation={CODE}",
            JoinLink("https://collector.example/a", KEY, CODE),
        ),
        ("maille:join?collector=https://collector.example", JoinLink("https://collector.example")),
        (f"https://collector.example#later=1&key={KEY}", JoinLink("https://collector.example", KEY)),
    ],
)
def test_each_form_is_read(text: str, link: JoinLink) -> None:
    assert read_join_link(text) == link
    assert read_join_link(link.text()) == link


@given(CODES)
def test_what_is_written_is_read_again(code: str) -> None:
    link = JoinLink("https://collector.example/path", KEY, code)
    assert read_join_link(link.text()) == link


@pytest.mark.parametrize(
    "text",
    [
        "",
        "collector.example",
        "ftp://collector.example",
        "https://",
        "http://[",
        "https://collector.example:99999",
        "https://user:secret@collector.example",
        "https://collector.example?key=1",
        f"https://collector.example#key={KEY[:-3]}",
        f"https://collector.example#key={KEY}&key={KEY}",
        "https://collector.example#section",
        "maille://leave?collector=https://collector.example",
        "maille://join",
        "maille://join?collector=ftp://collector.example",
        "https://collector.example/\x1b[2J",
        "https://collector.example/" + "a" * 3000,
    ],
)
def test_what_is_no_link_is_told(text: str) -> None:
    with pytest.raises(MailleError, match="not a join link"):
        read_join_link(text)
