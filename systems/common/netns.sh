# What the scripts `tests/netns` of the systems begin with: two network namespaces between which only UDP passes and 5 % of it is
# lost each way, a proxy2 outside, and all that passes between them recorded. To be sourced in the folder `systems`, with
#
#   programs   the folder of paso, proxy1, proxy2
#   spaces     what the names of the namespaces begin with: the system's own
#
# Then: `ticket NAME RULE...` makes NAME.ticket, `at` is where proxy2 is, and `nobody_saw WORD...` looks into the record.

cd ..
source tests/netns/spaces.sh
cd systems
lose 5

at=10.78.0.2:5000
# Where no user's own state is looked at.
export XDG_STATE_HOME=$folder/none XDG_RUNTIME_DIR=$folder
background proxy2 outside "$programs/paso" out "$at" --state "$folder/state"
until_says proxy2 "ready"
# ticket NAME RULE...: a ticket with these rules, in a file that only its owner reads.
ticket() {
  local name=$1
  shift
  "$programs/paso" ticket add "$name" --out "$folder/$name.ticket" --state "$folder/state"
  "$programs/paso" ticket allow "$name" "$@" --state "$folder/state" >"$folder/allow.log"
}

# All frames that pass outside's end of the way, as they are.
cat >"$folder/record.py" <<'PYTHON'
import socket, sys
frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
frames.bind(("v0", 0))
frames.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 20)
print("recording", flush=True)
with open(sys.argv[1], "ab", buffering=0) as record:
    while True:
        record.write(frames.recv(1 << 16) + b"\n")
PYTHON
background record outside python3 "$folder/record.py" "$folder/record"
until_says record recording

# nobody_saw WORD...: none of them passed in clear, in capitals or not. That the record would have them is tried first.
nobody_saw() {
  local word
  for _ in {1..100}; do
    inside python3 -c 'import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b"a word in clear", ("10.78.0.2", 9))'
    sleep 0.1
    if grep -qa "a word in clear" "$folder/record"; then break; fi
  done
  grep -qa "a word in clear" "$folder/record" || fail "the record has nothing of what passes"
  for word in "$@"; do
    ! grep -qaiF -e "$word" "$folder/record" || fail "'$word' can be read on the way"
  done
  echo "none of $# texts can be read in the $(stat -c %s "$folder/record") bytes that passed"
}
