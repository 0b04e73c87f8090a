"""Work that one process of a distributed run does for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mmengine.dist import broadcast_object_list, get_world_size, is_main_process

Result = TypeVar('Result')


def on_main_process(act: Callable[[], Result]) -> Result:
    """Let the main process act, and give its result to all.

    All processes must call it at the same point. They wait as long as the process group allows
    (``env_cfg.dist_cfg.timeout``).

    Args:
        act (Callable): Takes nothing; what it returns can be pickled.

    Returns:
        Any: What it returned in the main process.

    Raises:
        Exception: Whatever it raised, in the main process.
        RuntimeError: Then, in the others; the message has that error's.
    """
    if get_world_size() == 1:
        return act()
    outcome, raised = [None, None], None
    if is_main_process():
        try:
            outcome[0] = act()
        except Exception as error:
            # Every process has to learn of it, or the others would wait for ever. Not every error
            # can be pickled, a sentence can.
            outcome[1], raised = f'{type(error).__name__}: {error}', error
    broadcast_object_list(outcome)
    result, failure = outcome
    if raised is not None:
        raise raised
    if failure is not None:
        raise RuntimeError(f'The main process failed: {failure}')
    return result
