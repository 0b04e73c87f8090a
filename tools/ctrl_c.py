"""How a tool ends that is still importing, which takes seconds.

Ctrl-C is one line and exit code 130, a package that is not installed a sentence and exit code 2.
Every tool imports this before anything that takes long; from its start on
:func:`deft_mm.command_line.run_tool` does it.
"""

import os
import signal
import sys
from pathlib import Path
from types import TracebackType


def _end(*_: object) -> None:
    if os.environ.get('RANK', '0') == '0':  # one of several processes speaks
        print('\nInterrupted.', file=sys.stderr, flush=True)
    # An exception would pass through imports, some of which make another one of it.
    os._exit(130)


def _tell(kind: type, error: BaseException, trace: TracebackType | None) -> None:
    if not isinstance(error, ImportError):
        sys.__excepthook__(kind, error, trace)
        return
    if '--traceback' in sys.argv:
        sys.__excepthook__(kind, error, trace)
    try:
        import deft_mm  # noqa: F401  knows how to install what it needs, if that is what is missing
    except ImportError as found:
        error = found
    if os.environ.get('RANK', '0') == '0':
        print(f'{Path(sys.argv[0]).name}: {error}', file=sys.stderr)
    sys.stdout.flush()
    # Python ends with 1 after a hook, whatever that raises.
    os._exit(2)


# A worker imports its tool as well, and leaves Ctrl-C to its parent; a shell may ignore it.
_is_tool = Path(getattr(sys.modules['__main__'], '__file__', None) or '').parent.samefile(
    Path(__file__).parent
)
if _is_tool:
    sys.excepthook = _tell
if _is_tool and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _end)
