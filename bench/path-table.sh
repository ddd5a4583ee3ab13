#!/usr/bin/env bash
# Goodput of a system across emulated wide-area paths, as a table: one row a loss rate, one column a system.
#
#   path-table.sh SYSTEM...          SYSTEM is a file systems/NAME.sh (name it NAME), see those there
#   environment: LOSSES="0 1 5 10 20 30"  RTT=50  RATE=100  QUEUE=100  SECONDS_EACH=8  EXTRA="--burst 8"  (wanem options)
#                DIRECTION=up|down (who sends; default up: from inside to outside)
#
# Each cell: payload Mbit/s that arrived / bytes on the wire for each payload byte.
# Needs root, cc, iperf3, iproute2, python3. A system's file defines three functions:
#   outside  the far proxy, run in namespace wb (10.77.0.2), forwards to 127.0.0.1:5201 there
#   inside   the near proxy, run in namespace wa (10.77.0.1)
#   dial     prints what iperf3 connects to in wa: HOST PORT [iperf3 options]
set -u
here=$(cd "$(dirname "$0")" && pwd)
if [[ ${1:-} == --cell ]]; then
  # inside wanem: one cell
  source "$here/systems/$2.sh"
  out=$(mktemp -d)
  ip netns exec wb iperf3 -s -p 5201 >"$out/server" 2>&1 & s=$!
  ip netns exec wb env here="$here" bash -c "source '$here/systems/$2.sh'; outside" >"$out/outside" 2>&1 & o=$!
  sleep 0.7
  ip netns exec wa env here="$here" bash -c "source '$here/systems/$2.sh'; inside" >"$out/inside" 2>&1 & i=$!
  sleep 1
  read -r host port more <<<"$(dial)"
  [[ ${DIRECTION:-up} == down ]] && more="$more -R"
  ip netns exec wa timeout $((SECONDS_EACH + 30)) iperf3 -c "$host" -p "$port" -t "$SECONDS_EACH" -f m -J $more >"$out/client" 2>/dev/null
  kill $i $o $s 2>/dev/null
  python3 - "$out/client" <<'P'
import json, sys
try:
    end = json.load(open(sys.argv[1]))["end"]["sum_received"]
    print(f"{end['bits_per_second'] / 1e6:.1f} {end['bytes']}")
except Exception:
    print("failed 0")
P
  rm -rf "$out"
  exit 0
fi
[[ $# -gt 0 ]] || { sed -n '2,14p' "$0"; exit 2; }
export SECONDS_EACH=${SECONDS_EACH:-8}
bin=$(mktemp -d); trap 'rm -rf "$bin"' EXIT
export STATE=$bin/state
cc -O2 -o "$bin/wanem" "$here/wanem.c" -lm || exit 2
echo "path: ${RATE:-100} Mbit/s, round trip ${RTT:-50} ms, buffer ${QUEUE:-100} ms, ${DIRECTION:-up} ${EXTRA:-}"
printf '%-7s' loss; for s in "$@"; do printf ' %20s' "$s"; done; echo
for loss in ${LOSSES:-0 1 5 10 20 30}; do
  printf '%-7s' "$loss %"
  for s in "$@"; do
    "$bin/wanem" --rtt "${RTT:-50}" --rate "${RATE:-100}" --queue "${QUEUE:-100}" --loss "$loss" ${EXTRA:-} -- \
      "$here/path-table.sh" --cell "$s" >"$bin/cell" 2>"$bin/wire"
    read -r mbit bytes <"$bin/cell"
    way='a>b'; [[ ${DIRECTION:-up} == down ]] && way='b>a'
    wire=$(sed -n "s/^wanem $way: [0-9]* packets, \([0-9]*\) bytes.*/\1/p" "$bin/wire")
    ratio=$(awk -v w="${wire:-0}" -v b="${bytes:-0}" 'BEGIN { if (b > 0) printf "%.2f", w / b; else printf "-" }')
    printf ' %20s' "$mbit / $ratio"
  done
  echo
done
