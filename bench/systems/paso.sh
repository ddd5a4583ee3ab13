# The sealed link as this tree builds it (cargo build --release); key and ticket in a folder of the run's own.
bin=${PASO_BIN:-$here/../target/release}
memory=${MEMORY:+--memory $MEMORY} # two words or none
outside() { exec "$bin/proxy2" -q $memory --state "$STATE" "$OUTSIDE:$PORT" 127.0.0.1 5201; }
inside() {
  until [[ -e $STATE/tickets ]]; do sleep 0.05; done # proxy2 makes it at its start
  exec "$bin/proxy1" -q $memory --state "$STATE" "127.0.0.1:$((PORT + 1))" "$OUTSIDE" "$PORT"
}
dial() { echo "127.0.0.1 $((PORT + 1))"; }
