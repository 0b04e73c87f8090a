"""deft_mm: learning with noisy labels in MMPretrain.

Importing the package registers everything in MMPretrain's registries, so that a config needs one
line: ``custom_imports = dict(imports=['deft_mm'])``.
"""

from deft_mm._stack import check_stack
from deft_mm.version import __version__

check_stack()

# Everything below imports the stack: only after the check can a missing one be reported as such.
from deft_mm import datasets, engine, evaluation, models, selection  # noqa: E402
from deft_mm.deployment import WrongLabelInferencer  # noqa: E402
from deft_mm.selection import find_wrong_labels  # noqa: E402

__all__ = [
    'WrongLabelInferencer',
    '__version__',
    'datasets',
    'engine',
    'evaluation',
    'find_wrong_labels',
    'models',
    'selection',
]
