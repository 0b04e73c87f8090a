"""Start a tool in several processes: python -m torch.distributed.run, without its 30 lines after an
error.

python tools/launch.py --nproc_per_node=8 tools/detect.py CONFIG CHECKPOINT --launcher pytorch

What was wrong is told by the process that failed, as the last line; the exit code is its own.
"""

import logging
import signal
import sys

import ctrl_c  # noqa: F401  ends a tool that is still importing
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import parse_args, run


def main() -> int:
    args = parse_args(None)
    logging.getLogger('torch.distributed.elastic').setLevel(logging.CRITICAL)
    try:
        run(args)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode > 0:
            return failure.exitcode
        name = signal.Signals(-failure.exitcode).name
        print(f'Process {rank} was ended by {name}.', file=sys.stderr)
        return 128 - failure.exitcode
    except (SignalException, KeyboardInterrupt) as stopped:
        return 128 + int(getattr(stopped, 'sigval', signal.SIGINT))
    return 0


if __name__ == '__main__':
    sys.exit(main())
