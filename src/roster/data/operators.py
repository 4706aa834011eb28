"""What each operator of a filter means in SQL: a condition on one column."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, any_, bindparam, cast, func, literal, not_, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import Integer, TypeEngine, Uuid

from roster.data.columns import CText, Like, Moment
from roster.data.forms import Blank
from roster.data.statements import Column
from roster.domain.filters import DateTimeFilter, IntFilter, KeyFilter, LabelsFilter, TextFilter

Condition = ColumnElement[bool]
Labels = InstrumentedAttribute[tuple[str, ...]]


def all_of(conditions: Iterator[Condition]) -> Condition:
    return and_(true(), *conditions)


def bound(value: Any, type_: TypeEngine[Any]) -> ColumnElement[Any]:  # noqa: ANN401 -- of the type
    """A value, or the parameter for it where the statement is built for a form."""
    if isinstance(value, Blank):
        return bindparam(value.name, type_=type_)
    return literal(list(value) if isinstance(type_, ARRAY) else value, type_)


def one_of_ids(column: Column, ids: Sequence[UUID]) -> Condition:
    """One array parameter whatever the length, so that the statement's text stays one."""
    return column == any_(bound(ids, ARRAY(Uuid)))


def one_of_given_ids(column: Column, name: str = "ids") -> Condition:
    """In a fixed statement: the parameter of that name has them."""
    return column == any_(given(name, Uuid()))


def one_of_given_texts(column: Column, name: str = "texts") -> Condition:
    return column == any_(given(name, CText))


def given(name: str, of: TypeEngine[Any]) -> Column:
    """The array that a fixed statement has as a parameter.

    The planner does not see how long it is, and so finds that one plan does for all: else it would plan anew each time.
    """
    array = ARRAY(of)
    return cast(select(bindparam(name, type_=array)).scalar_subquery(), array)


def one_of_texts(column: Column, texts: Sequence[str]) -> Condition:
    return column == any_(bound(texts, ARRAY(CText)))


def contains(column: Column, text: str) -> Condition:
    return column.like(bound(text, Like("%", "%")))


def key_matches(given: KeyFilter, column: Column) -> Condition:
    return all_of(_key_conditions(given, column))


def _key_conditions(given: KeyFilter | TextFilter, column: Column) -> Iterator[Condition]:
    if given.eq is not None:
        yield column == bound(given.eq, CText)
    if given.in_ is not None:
        yield one_of_texts(column, given.in_)
    if given.starts_with is not None:
        yield column.like(bound(given.starts_with, Like("", "%")))
    if given.is_null is not None:
        yield column.is_(None) if given.is_null else column.is_not(None)


def text_matches(given: TextFilter, fold: Column) -> Condition:
    return all_of(_text_conditions(given, fold))


def _text_conditions(given: TextFilter, fold: Column) -> Iterator[Condition]:
    yield from _key_conditions(given, fold)
    if given.contains is not None:
        yield contains(fold, given.contains)
    if given.ends_with is not None:
        yield fold.like(bound(given.ends_with, Like("%", "")))


def date_time_matches(given: DateTimeFilter, column: Column) -> Condition:
    return all_of(_date_time_conditions(given, column))


def _date_time_conditions(given: DateTimeFilter, column: Column) -> Iterator[Condition]:
    if given.gt is not None:
        yield column > bound(given.gt, Moment)
    if given.gte is not None:
        yield column >= bound(given.gte, Moment)
    if given.lt is not None:
        yield column < bound(given.lt, Moment)
    if given.lte is not None:
        yield column <= bound(given.lte, Moment)
    if given.is_null is not None:
        yield column.is_(None) if given.is_null else column.is_not(None)


def int_matches(given: IntFilter, column: Column) -> Condition:
    return all_of(_int_conditions(given, column))


def _int_conditions(given: IntFilter, column: Column) -> Iterator[Condition]:
    if given.eq is not None:
        yield column == bound(given.eq, Integer())
    if given.gt is not None:
        yield column > bound(given.gt, Integer())
    if given.gte is not None:
        yield column >= bound(given.gte, Integer())
    if given.lt is not None:
        yield column < bound(given.lt, Integer())
    if given.lte is not None:
        yield column <= bound(given.lte, Integer())


def labels_match(given: LabelsFilter, column: Labels) -> Condition:
    """On a column that is an array of labels, never null."""
    return all_of(_label_conditions(given, column))


def _label_conditions(given: LabelsFilter, column: Labels) -> Iterator[Condition]:
    if given.has_any is not None:
        yield column.overlap(_labels(given.has_any))
    if given.has_all is not None:
        yield column.contains(_labels(given.has_all))
    if given.has_none is not None:
        yield not_(column.overlap(_labels(given.has_none)))
    if given.is_empty is not None:
        empty = func.cardinality(column) == 0
        yield empty if given.is_empty else not_(empty)


def _labels(labels: Sequence[str]) -> Column:
    return bound(labels, ARRAY(CText))
