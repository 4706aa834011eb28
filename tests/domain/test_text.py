"""The fold that every comparison and order goes by, and what may stand in a text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roster.domain.text import collapse, fold, is_storable, refused_character

EVERY_CODE_POINT = [chr(point) for point in range(0x110000)]
ANY_TEXT = st.text(st.characters())


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("", ""),
        ("Ann LEE 9_%", "ann lee 9_%"),
        ("\u00c4RGER", "arger"),
        ("A\u0308RGER", "arger"),
        ("Stra\u00dfe", "strasse"),
        ("STRA\u1e9eE", "strasse"),
        ("\u0130STANBUL", "istanbul"),
        ("\u0131", "\u0131"),
        ("\ufb01\ufb03", "fiffi"),
        ("\u01c4", "dz"),
        ("\u212b\u212a", "ak"),
        ("\u017f", "s"),
        ("\u03a3\u03c2\u03c3", "\u03c3\u03c3\u03c3"),
        ("\u03d3", "\u03c5"),
        ("\uff21\uff11", "a1"),
        ("\u00bd", "1\u20442"),
        ("\u2460", "1"),
        ("\u0141\u00d8", "\u0142\u00f8"),
        ("\uac01", "\u1100\u1161\u11a8"),
        ("Hanoi\u0300\u0301\u0323", "hanoi"),
        ("\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd", "\u05e9\u05dc\u05d5\u05dd"),
        ("\u0645\u064f\u062d\u064e\u0645\u0651\u062f", "\u0645\u062d\u0645\u062f"),
        ("\u0301", ""),
        ("\u00a0", " "),
    ],
)
def test_case_accents_and_compatibility_forms_do_not_matter(text: str, folded: str) -> None:
    assert fold(text) == folded


# What has no meaning yet, or a private one, has neither case nor accents.
MEANINGLESS = [char for char in EVERY_CODE_POINT if unicodedata.category(char) in {"Cn", "Co"}]


@pytest.fixture(scope="module")
def folds() -> dict[str, str]:
    return {char: fold(char) for char in set(EVERY_CODE_POINT).difference(MEANINGLESS)}


def test_the_fold_of_a_fold_is_itself_for_every_code_point(folds: dict[str, str]) -> None:
    assert [char for char, folded in folds.items() if folded != char and fold(folded) != folded] == []
    assert fold("".join(MEANINGLESS)) == "".join(MEANINGLESS)


def test_no_fold_holds_a_mark_or_what_has_a_smaller_case(folds: dict[str, str]) -> None:
    found = set("".join(folds.values()))
    assert {char for char in found if unicodedata.category(char)[0] == "M"} == set()
    assert {char for char in found if char.casefold() != char} == set()


@given(ANY_TEXT, ANY_TEXT)
def test_the_fold_of_a_text_is_that_of_its_parts(left: str, right: str) -> None:
    """So a part of a text is found in the text."""
    assert fold(left + right) == fold(left) + fold(right)


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_is_folded_as_all_text_is(text: str) -> None:
    assert fold(text) + "e" == fold(text + "\u00e9")


@given(ANY_TEXT)
def test_the_fold_is_the_same_however_a_text_is_composed(text: str) -> None:
    forms = {fold(unicodedata.normalize(form, text)) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    assert forms == {fold(text)}


def test_the_order_of_folds_takes_no_notice_of_case_and_accents() -> None:
    names = [
        "zander",
        "\u00c4hre",
        "Zebra",
        "ahorn",
        "\u00d6l",
        "ohm",
        "Stra\u00dfe",
        "strand",
        "1",
        "_",
        "\u0141\u00f3d\u017a",
    ]
    assert sorted(names, key=fold) == [
        "1",
        "_",
        "ahorn",
        "\u00c4hre",
        "ohm",
        "\u00d6l",
        "strand",
        "Stra\u00dfe",
        "zander",
        "Zebra",
        "\u0141\u00f3d\u017a",
    ]


@pytest.mark.parametrize(
    ("text", "collapsed"),
    [
        ("", ""),
        (" \t\r\n\u00a0\u2003\u3000\u2028\x85", ""),
        ("  Ann \t\n  Lee\u3000", "Ann Lee"),
        ("A\u0308", "\u00c4"),
        ("\ufb01", "\ufb01"),
        ("a\u200bb", "a\u200bb"),
    ],
)
def test_a_collapsed_text_is_composed_and_has_single_blanks(text: str, collapsed: str) -> None:
    assert collapse(text) == collapsed


@given(ANY_TEXT)
def test_a_collapsed_text_stays_as_it_is(text: str) -> None:
    collapsed = collapse(text)
    assert collapse(collapsed) == collapsed
    assert unicodedata.is_normalized("NFC", collapsed)


def _points(*ranges: tuple[int, int]) -> set[str]:
    return {chr(point) for first, last in ranges for point in range(first, last + 1)}


def test_controls_surrogates_and_bidi_controls_are_refused_and_nothing_else() -> None:
    refused = {char for char in EVERY_CODE_POINT if refused_character(char)}
    assert refused == _points(
        (0x00, 0x1F), (0x7F, 0x9F), (0x202A, 0x202E), (0x2066, 0x2069), (0xD800, 0xDFFF)
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [("", None), ("Ann", None), ("a\x00\u202e", "U+0000"), ("\u202e\x00", "U+202E"), ("\ud800", "U+D800")],
)
def test_the_first_refused_character_is_told(text: str, told: str | None) -> None:
    assert refused_character(text) == told


def test_what_postgresql_cannot_hold_is_nul_and_lone_surrogates() -> None:
    assert {char for char in EVERY_CODE_POINT if not is_storable(char)} == _points((0, 0), (0xD800, 0xDFFF))
    assert is_storable("a\U0001f600\x01")
    assert not is_storable("Ann\x00")
    assert not is_storable("Ann\udfff")
