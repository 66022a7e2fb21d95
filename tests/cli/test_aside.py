"""Work in a thread of its own: what it returns and raises, and that it is over when the caller goes on."""

import threading
import time

import pytest

from netsparse.cli.aside import aside


def test_results_and_errors_are_the_callers():
    assert aside(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        aside(lambda: 1 / 0)
    with pytest.raises(KeyboardInterrupt):
        aside(lambda: (_ for _ in ()).throw(KeyboardInterrupt))


@pytest.mark.parametrize("fails", [False, True])
def test_what_the_thread_held_is_gone_when_the_caller_goes_on(fails):
    gone, held = [], threading.local()

    class Slow:
        def __del__(self):
            time.sleep(0.2)
            gone.append(True)

    def work():
        held.value = Slow()
        if fails:
            raise ZeroDivisionError

    try:
        aside(work)
    except ZeroDivisionError:
        assert fails
    assert gone
