"""Rows become records field by field, whatever the order of their columns."""

from dataclasses import FrozenInstanceError, dataclass

import pytest

from roster.data.records import maker


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    one: int
    two: str


@dataclass(frozen=True, slots=True, kw_only=True)
class More(Thing):
    three: int


def test_a_record_has_the_values_of_its_names() -> None:
    assert maker(Thing, "two", "one")(("b", 1, "more")) == Thing(one=1, two="b")


@pytest.mark.parametrize(("record", "names"), [(Thing, ("one", "two")), (More, ("three", "two", "one"))])
def test_a_record_is_of_its_class_and_frozen(record: type[Thing], names: tuple[str, ...]) -> None:
    made = maker(record, *names)([1, "b", 3])
    assert type(made) is record
    assert [getattr(made, name) for name in names] == [1, "b", 3][: len(names)]
    with pytest.raises(FrozenInstanceError):
        made.one = 2  # type: ignore[misc]


@pytest.mark.parametrize("names", [(), ("one",), ("one", "two", "three"), ("one", "one")])
def test_what_are_not_its_fields_make_no_record(names: tuple[str, ...]) -> None:
    with pytest.raises(TypeError, match="not the fields of Thing"):
        maker(Thing, *names)
