"""Every error is one line that says what was given, what was expected and what to type, and survives a pickle."""

import inspect
import pickle

import pytest

from netsparse import errors

CLASSES = [
    cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, errors.NetsparseError)
]  # fmt: skip
BUILTINS = (
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    OSError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
)
every = pytest.mark.parametrize("cls", CLASSES)


@every
def test_the_message_is_one_line_with_all_four_parts(cls):
    error = cls("subject", "what was\ngiven", "what was   expected", "what to type")
    assert str(error) == "subject: given what was given, expected what was expected; try what to type"


@every
def test_the_parts_are_at_hand_and_survive_a_pickle(cls):
    error = cls("a", "b", "c", "d")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is cls
    for one in (error, back):
        assert (one.subject, one.given, one.expected, one.fix) == one.args == ("a", "b", "c", "d")
    assert str(back) == str(error)


@every
def test_every_error_is_also_a_familiar_one(cls):
    if cls is not errors.NetsparseError:
        assert issubclass(cls, BUILTINS)
        assert cls.__doc__


@every
def test_it_can_be_raised_and_caught_as_the_base(cls):
    with pytest.raises(errors.NetsparseError, match="a: given b"):
        raise cls("a", "b", "c", "d")


def test_a_missing_edge_prints_without_the_quotes_of_a_key_error():
    assert str(errors.EdgeNotFound("edge", "(0, 1)", "an edge", "has_edges")).startswith("edge: given (0, 1)")


def test_an_unknown_name_lists_the_known_ones_sorted():
    error = errors.unknown_name("order", "rnadom", {"random": 1, "degree": 2})
    assert isinstance(error, errors.UnknownName)
    assert str(error) == "order: given 'rnadom', expected one of degree, random; try order='random'"
