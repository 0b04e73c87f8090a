"""Models: CLIP towers as backbones and text encoders, tuning methods, heads, losses, algorithms."""

from deft_mm.models.algorithms import *  # noqa: F401,F403
from deft_mm.models.backbones import *  # noqa: F401,F403
from deft_mm.models.clip import *  # noqa: F401,F403
from deft_mm.models.data_preprocessors import *  # noqa: F401,F403
from deft_mm.models.heads import *  # noqa: F401,F403
from deft_mm.models.losses import *  # noqa: F401,F403
from deft_mm.models.necks import *  # noqa: F401,F403
from deft_mm.models.peft import *  # noqa: F401,F403
from deft_mm.models.text import *  # noqa: F401,F403
