"""Start a tool in several processes: python -m torch.distributed.run, without its 30 lines after an
error.

python tools/launch.py --nproc_per_node=8 tools/detect.py CONFIG CHECKPOINT --launcher pytorch

What was wrong is told by the process that failed, as the last line; the exit code is its own.
"""

import argparse
import logging
import signal
import sys

import ctrl_c  # noqa: F401  ends a tool that is still importing


def check_args() -> None:
    """Answer ``--help`` and mistakes; torch.distributed.run reads the command line again."""
    parser = argparse.ArgumentParser(
        description='Start a tool in several processes',
        epilog='All options: python -m torch.distributed.run --help',
        allow_abbrev=False,
    )
    parser.add_argument('--nproc-per-node', '--nproc_per_node', help='processes on this machine')
    parser.add_argument('--nnodes', help='machines. Defaults to 1')
    parser.add_argument('--node-rank', '--node_rank', help='which of them this one is, from 0 on')
    parser.add_argument('--master-addr', '--master_addr', help='address of the first machine')
    parser.add_argument('--master-port', '--master_port', help='its port. Defaults to 29500')
    parser.add_argument('tool', help='such as tools/train.py')
    parser.add_argument(
        'arguments', nargs=argparse.REMAINDER, help='its command line, with --launcher pytorch'
    )
    parser.parse_known_args()


if __name__ == '__main__':
    # Before what takes seconds to import.
    check_args()

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
