"""Comparing methods: the runs of a plan, their results found again, tables and figures."""

from deft_mm.comparison.plan import PlannedRun, is_plan, plan_runs, read_plan
from deft_mm.comparison.report import write_report
from deft_mm.comparison.results import (
    ComparisonResults,
    RunResult,
    read_results,
    write_expected,
)
from deft_mm.comparison.run_folder import RunFolder
from deft_mm.comparison.run_setting import RunSetting
from deft_mm.comparison.scheduler import Scheduler
from deft_mm.comparison.tables import ComparisonTable

__all__ = [
    'ComparisonResults',
    'ComparisonTable',
    'PlannedRun',
    'RunFolder',
    'RunResult',
    'RunSetting',
    'Scheduler',
    'is_plan',
    'plan_runs',
    'read_plan',
    'read_results',
    'write_expected',
    'write_report',
]
