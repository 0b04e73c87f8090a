"""Looking at samples and what is said of their labels."""

from deft_mm.visualization.labelled_samples import LabelledSamples
from deft_mm.visualization.sample_views import MODES, SampleView, sample_views
from deft_mm.visualization.tile_grid import Tile, draw_grid

__all__ = ['MODES', 'LabelledSamples', 'SampleView', 'Tile', 'draw_grid', 'sample_views']
