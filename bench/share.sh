#!/usr/bin/env bash
# What a bulk stream of the link leaves to others at one bottleneck, on real kernels: the share of each over SECONDS_EACH.
#
#   share.sh cubic|bbr|own|later|policer|queue...
#     cubic, bbr   beside one TCP flow of the kernel with that congestion control
#     own, later   two links at once; the second begins 5 s after the first
#     policer      alone behind a policer of 16 Mbit/s and 50 kB; queue: alone before a buffer of 5 ms
#   environment: RTT=50 RATE=100 QUEUE=100 LOSS=0 (wanem options)  SECONDS_EACH=30  PASO_BIN (default: target/release)
#
# Needs root, cc, iperf3, iproute2, python3. The emulator's count of packets follows each row; `overflowed` over
# `packets` is what the bottleneck dropped.
set -u
here=$(cd "$(dirname "$0")" && pwd)
bin=${PASO_BIN:-$here/../target/release}
export SECONDS_EACH=${SECONDS_EACH:-30} NAME=${NAME:-share}

# Starts a link whose entry is port $1 in NAMEa; its exit leads to iperf3's port $2 in NAMEb.
link() {
  ip netns exec "${NAME}b" "$bin/proxy2" -q --state "$STATE/$1" "10.$SUBNET.0.2:$1" 127.0.0.1 "$2" & started+=($!)
  for _ in {1..50}; do [[ -n $(ls "$STATE/$1" 2>/dev/null) ]] && break; sleep 0.1; done
  ip netns exec "${NAME}a" "$bin/proxy1" -q --state "$STATE/$1" "127.0.0.1:$1" "10.$SUBNET.0.2" "$1" & started+=($!)
}

# One flow: a file for the result, seconds, then what iperf3 connects to.
flow() {
  local out=$1 seconds=$2; shift 2
  ip netns exec "${NAME}a" timeout $((seconds + 30)) iperf3 -t "$seconds" -J "$@" >"$out" 2>/dev/null &
  flows+=($!)
}

if [[ ${1:-} == --row ]]; then
  started=() flows=() results=()
  ip netns exec "${NAME}b" iperf3 -s -p 5201 >/dev/null 2>&1 & started+=($!)
  ip netns exec "${NAME}b" iperf3 -s -p 5202 >/dev/null 2>&1 & started+=($!)
  mkdir -p "$STATE"
  link 4001 5201
  [[ $2 == own || $2 == later ]] && link 4002 5202
  sleep 2
  first=$SECONDS_EACH; [[ $2 == later ]] && first=$((first + 5))
  flow "$STATE/1.json" "$first" -c 127.0.0.1 -p 4001
  [[ $2 == later ]] && sleep 5
  case $2 in
    cubic | bbr) flow "$STATE/2.json" "$SECONDS_EACH" -c "10.$SUBNET.0.2" -p 5202 -C "$2" ;;
    own | later) flow "$STATE/2.json" "$SECONDS_EACH" -c 127.0.0.1 -p 4002 ;;
  esac
  wait "${flows[@]}"
  kill "${started[@]}" 2>/dev/null
  python3 - "$2" "$STATE"/*.json <<'P'
import json, sys
rates = [json.load(open(name))["end"]["sum_received"]["bits_per_second"] / 1e6 for name in sys.argv[2:]]
shares = ", ".join(f"{rate:.1f} Mbit/s = {100 * rate / sum(rates):.0f} %" for rate in rates)
print(f"{sys.argv[1]}: link first: {shares}")
P
  exit 0
fi
[[ $# -gt 0 ]] || { sed -n '2,12p' "$0"; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cc -O2 -o "$work/wanem" "$here/wanem.c" -lm || exit 2
export SUBNET=${SUBNET:-78}
for row in "$@"; do
  extra=(); queue=${QUEUE:-100}
  [[ $row == policer ]] && extra=(--policer 16,50)
  [[ $row == queue ]] && queue=5
  STATE=$work/$row "$work/wanem" --name "$NAME" --subnet "$SUBNET" --rtt "${RTT:-50}" --rate "${RATE:-100}" \
    --queue "$queue" --loss "${LOSS:-0}" "${extra[@]}" -- "$here/share.sh" --row "$row" 2>&1 | grep -E "link first|wanem a>b"
done
