"""Ctrl-C while a tool is still importing, which takes seconds: one line, exit code 130.

Every tool imports this before anything that takes long; from its start on
:func:`deft_mm.command_line.run_tool` does it.
"""

import os
import signal
import sys
from pathlib import Path


def _end(*_: object) -> None:
    if os.environ.get('RANK', '0') == '0':  # one of several processes speaks
        print('\nInterrupted.', file=sys.stderr, flush=True)
    # An exception would pass through imports, some of which make another one of it.
    os._exit(130)


# A worker imports its tool as well, and leaves Ctrl-C to its parent; a shell may ignore it.
_is_tool = Path(getattr(sys.modules['__main__'], '__file__', None) or '').parent.samefile(
    Path(__file__).parent
)
if _is_tool and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _end)
