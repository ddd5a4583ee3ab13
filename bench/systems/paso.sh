# The sealed link as this tree builds it (cargo build --release); key and ticket in a folder of the run's own.
bin=${PASO_BIN:-$here/../target/release}
memory=${MEMORY:+--memory $MEMORY} # two words or none
outside() { exec "$bin/proxy2" -q $memory --state "$STATE" "$OUTSIDE:$PORT" 127.0.0.1 5201; }
inside() {
  # proxy2 leaves a ticket at its start, and then notes that it is valid.
  until [[ -s $STATE/local.ticket ]] && grep -qs default "$STATE/tickets"; do sleep 0.05; done
  exec "$bin/proxy1" -q $memory --state "$STATE" "127.0.0.1:$((PORT + 1))" "$OUTSIDE" "$PORT"
}
dial() { echo "127.0.0.1 $((PORT + 1))"; }
