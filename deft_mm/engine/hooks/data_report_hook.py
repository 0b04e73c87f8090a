"""What is wrong with a user's images, said before training begins."""

from __future__ import annotations

from pathlib import Path

from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from deft_mm.datasets import base_datasets, dataset_fingerprint
from deft_mm.datasets.own_images import problems_to_csv
from deft_mm.engine.stage_switch import is_training, training_data
from deft_mm.fileio import require_file_name, write_atomically


@HOOKS.register_module()
class DataReportHook(Hook):
    """Log the report of every :class:`~deft_mm.datasets.ImageFolderDataset` and write its table.

    The log has the counts and the first problems of each kind, the table in the work directory
    all of them: path, class, problem, detail, and whether the image is used nevertheless. Data
    sets of other types have no report and are passed over.

    It also checks that all processes of a distributed run found the same images: each reads its
    file system itself.

    Args:
        out_file (str): Name of the table in the work directory. Defaults to 'data_report.csv'.
        max_problems (int): How many problems of each kind are logged. Defaults to 5.

    Raises:
        ValueError: If ``out_file`` is no name of a file in ``.csv``.

    Example:

        .. code:: python

            default_hooks = dict(data_report=dict(type='DataReportHook'))
    """

    # Before the hooks that read and check the data set.
    priority = 'VERY_HIGH'

    def __init__(self, out_file: str = 'data_report.csv', max_problems: int = 5) -> None:
        require_file_name('DataReportHook: out_file', out_file, 'data_report.csv')
        self.out_file = out_file
        self.max_problems = max_problems

    def before_run(self, runner: Runner) -> None:
        """Report before a training.

        Raises:
            ValueError: If another process found other images.
        """
        if not is_training(runner):
            return
        dataset = training_data(runner)
        _require_agreement(dataset)
        datasets = base_datasets(dataset)
        if runner.val_loop is not None:
            datasets += base_datasets(runner.val_dataloader.dataset)
        reports = []
        for report in (getattr(dataset, 'report', None) for dataset in datasets):
            # Training images and those held out of them have the same one.
            if report is not None and report not in reports:
                reports.append(report)
        if not reports or not is_main_process():
            return
        path = Path(runner.work_dir) / self.out_file
        problems = dict.fromkeys(problem for report in reports for problem in report.problems)
        write_atomically(problems_to_csv(problems), path)
        for report in reports:
            runner.logger.info('\n'.join(report.to_lines(self.max_problems)))
        runner.logger.info(f'Every problem found in the data: {path}')


def _require_agreement(dataset) -> None:
    found = all_gather_object(dataset_fingerprint(dataset).to_dict())
    for rank, fingerprint in enumerate(found):
        if fingerprint != found[0]:
            raise ValueError(
                f'Process {rank} found other training images than process 0 ({fingerprint} and '
                f'{found[0]}): give all machines the same files, and do not change them while a '
                'run starts.'
            )
