# The sealed link as this tree builds it (cargo build --release); key and ticket in a folder of the run's own.
bin=${PASO_BIN:-$here/../target/release}
outside() { exec "$bin/proxy2" -q --state "$STATE" 10.77.0.2:4000 127.0.0.1 5201; }
inside() { exec "$bin/proxy1" -q --state "$STATE" 127.0.0.1:4001 10.77.0.2 4000; }
dial() { echo "127.0.0.1 4001"; }
