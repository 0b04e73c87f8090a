#!/usr/bin/env bash
# bash tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [options of test.py]
# One process a GPU; on a machine without a GPU the processes share the CPU (gloo).
# Several machines: set NNODES, NODE_RANK and MASTER_ADDR on each. PORT changes the port (29500).
set -eu
if [ $# -lt 3 ]; then sed -n 2,4p "$0" >&2; exit 2; fi

config=$1
checkpoint=$2
processes=$3
shift 3
exec python "$(dirname "$0")/launch.py" \
  --nnodes="${NNODES:-1}" \
  --node_rank="${NODE_RANK:-0}" \
  --nproc_per_node="$processes" \
  --master_addr="${MASTER_ADDR:-127.0.0.1}" \
  --master_port="${PORT:-29500}" \
  "$(dirname "$0")/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
