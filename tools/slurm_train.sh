#!/usr/bin/env bash
# bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [options of train.py]
# GPUS (8), GPUS_PER_NODE (8), CPUS_PER_TASK (5) and SRUN_ARGS set the size of the job.
set -eu
if [ $# -lt 4 ]; then sed -n 2,3p "$0" >&2; exit 2; fi

partition=$1
job_name=$2
config=$3
work_dir=$4
shift 4
# shellcheck disable=SC2086  # SRUN_ARGS holds several arguments
exec srun -p "$partition" \
  --job-name="$job_name" \
  --gres=gpu:"${GPUS_PER_NODE:-8}" \
  --ntasks="${GPUS:-8}" \
  --ntasks-per-node="${GPUS_PER_NODE:-8}" \
  --cpus-per-task="${CPUS_PER_TASK:-5}" \
  --kill-on-bad-exit=1 \
  ${SRUN_ARGS:-} \
  python -u "$(dirname "$0")/train.py" "$config" --work-dir="$work_dir" --launcher=slurm "$@"
