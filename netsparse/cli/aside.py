"""The work of a verb in a thread of its own: Ctrl-C meets Python that waits, never compiled code in its middle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


class Abandoned(BaseException):
    """The user has interrupted work that is still under way: only the end of the process stops it."""


def aside(work: Callable[[], Result]) -> Result:
    """Do `work` in a thread and wait for it.

    Signals reach the main thread alone. Raised inside compiled code, or while it is being compiled, a KeyboardInterrupt
    can end the process in a crash; raised here it finds a thread that does nothing but wait.

    Returns
    -------
    What `work` returns; what it raises is raised here.

    Raises
    ------
    Abandoned
        On Ctrl-C; the work goes on until the process ends.
    """
    done: Future[Result] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # SystemExit too: all of it belongs to whoever waits
            done.set_exception(error)

    thread = threading.Thread(target=run, name="netsparse", daemon=True)
    thread.start()
    try:
        return done.result()
    except KeyboardInterrupt:
        if done.done():
            raise  # the work's own
        raise Abandoned from None
    finally:
        if done.done():
            thread.join()  # still giving back its tensors, at the end of the process it would be aborted in that
