# The two namespaces with a web server outside. To be sourced; `programs` is the folder of the programs.

source tests/netns/spaces.sh
for tool in curl sha256sum; do command -v "$tool" >/dev/null || skip "$tool"; done

# A web server that keeps connections, and something to fetch.
mkdir "$folder/www"
head -c $((200 << 20)) /dev/urandom >"$folder/www/large"
echo small >"$folder/www/small"
cat >"$folder/server.py" <<'PYTHON'
import functools, http.server, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
handler = functools.partial(Handler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8000), handler)
print("serving", flush=True)
server.serve_forever()
PYTHON
# web: serves the folder www at 127.0.0.1:8000, outside.
background web outside python3 "$folder/server.py" "$folder/www"
until_says web serving

echo "== TCP does not pass"
! inside curl -s --max-time 1 http://10.78.0.2:8000/small >/dev/null || fail "the namespaces let TCP pass"

# Starts an OpenSSH server of our own, outside at 127.0.0.1:2222: its keys, its port, nobody's settings. It separates privileges in
# this folder.
ssh_server() {
  local sshd
  sshd=$(command -v sshd || echo /usr/sbin/sshd)
  command -v ssh ssh-keygen >/dev/null && [[ -x $sshd ]] || return
  mkdir -p /run/sshd
  ssh-keygen -q -t ed25519 -N "" -f "$folder/host"
  ssh-keygen -q -t ed25519 -N "" -f "$folder/user"
  cp "$folder/user.pub" "$folder/authorized"
  background sshd outside "$sshd" -D -e -f /dev/null -p 2222 -h "$folder/host" -o ListenAddress=127.0.0.1 \
    -o AuthorizedKeysFile="$folder/authorized" -o PermitRootLogin=yes -o StrictModes=no -o PidFile=none -o UsePAM=no -o Subsystem="sftp internal-sftp"
  until_says sshd "listening on"
}
