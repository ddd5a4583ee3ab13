# Two network namespaces between which only UDP passes, and what scripts do with them. To be sourced; `spaces` is what their
# names begin with, if not with `paso`.
#
#   paso-in (10.78.0.1): clients, proxy1  ──veth, UDP only──  paso-out (10.78.0.2): proxy2, servers
#
# Without root or what else it needs the script that sources it says so and ends with 0.

skip() { echo "SKIPPED: ${0} needs $1"; exit 0; }
[[ $(id -u) == 0 ]] || skip "root"
for tool in ip nft python3; do command -v "$tool" >/dev/null || skip "$tool"; done
in=${spaces:-paso}-in-$$ out=${spaces:-paso}-out-$$
ip netns add "$in" 2>/dev/null || skip "the right to make network namespaces"

folder=$(mktemp -d)
pids=()
finish() {
  status=$?
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  # Those were the shells around the programs; the programs are whoever lives in the two namespaces.
  for space in "$in" "$out"; do { ip netns pids "$space" | xargs -r kill; } 2>/dev/null || true; done
  ((status == 0)) || for log in "$folder"/*.log; do echo "--- $log"; tail -n 20 "$log"; done
  ip netns del "$in" 2>/dev/null || true
  ip netns del "$out" 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT
fail() { echo "FAILED: $*"; exit 1; }

inside() { ip netns exec "$in" "$@"; }
outside() { ip netns exec "$out" "$@"; }
# background NAME COMMAND...: its output goes to NAME.log
background() {
  local name=$1
  shift
  "$@" >"$folder/$name.log" 2>&1 &
  pids+=($!)
}
# Waits until a log has a line with these words.
until_says() {
  for _ in {1..100}; do
    grep -qs "$2" "$folder/$1.log" && return
    sleep 0.1
  done
  fail "$1 never said '$2'"
}

ip netns add "$out"
ip link add v0 netns "$in" type veth peer name v0 netns "$out"
inside ip addr add 10.78.0.1/24 dev v0
outside ip addr add 10.78.0.2/24 dev v0
for side in inside outside; do
  $side ip link set lo up
  $side ip link set v0 up
  # Everything but UDP is dropped on the way between the two.
  $side nft -f - <<'RULES'
table inet only_udp {
  chain input {
    type filter hook input priority 0;
    iif "lo" accept
    meta l4proto { udp, icmp, ipv6-icmp } accept
    drop
  }
}
RULES
done

# lose PERCENT: so many of the datagrams each way, by chance.
lose() {
  for side in inside outside; do
    $side nft insert rule inet only_udp input iif v0 meta l4proto udp numgen random mod 100 '<' "$1" drop
  done
}
